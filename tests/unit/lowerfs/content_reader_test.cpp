// SPDX-License-Identifier: Apache-2.0
//
// What the kernel encrypted, read at any offset.

#include "lib/lowerfs/content_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <random>

#include "tests/unit/lowerfs/support.h"

namespace ecryptfs::lowerfs {
namespace {

using lower::FileRange;
using lower::kExtentSize;
using test::Bytes;
using test::file_key_of;
using test::open_lower;
using test::read_file;
using test::Succeeds;

constexpr std::size_t kFront = 8192;
constexpr std::uint8_t kUntouched = 0xa5;

ContentReader reader_of(const LowerFile& file, std::uint64_t end) {
    return base::value_or_throw(ContentReader::create(file, file_key_of(file), end));
}

ContentReader reader_of(const LowerFile& file) {
    return reader_of(file, range_end(whole_contents(file)));
}

// What a reading of so many bytes gives.
Bytes bytes_read(ContentReader& reader, std::uint64_t offset, std::size_t size) {
    Bytes out(size, kUntouched);
    const auto reading = base::value_or_throw(reader.read(offset, out));
    EXPECT_TRUE(reading.lost.empty());
    out.resize(reading.size);
    return out;
}

Bytes part_of(const Bytes& whole, std::uint64_t offset, std::size_t size) {
    const auto first = std::min<std::size_t>(whole.size(), offset);
    const auto end = std::min(whole.size(), first + size);
    return {whole.begin() + static_cast<std::ptrdiff_t>(first),
            whole.begin() + static_cast<std::ptrdiff_t>(end)};
}

// The vectors of a passphrase that OpenSSL's default provider can decrypt.
class ContentReaderTest : public ::testing::Test {
  protected:
    ContentReaderTest() {
        test::unpack_vector("pass-aes16.lower", lower_);
        test::unpack_vector("plain", plain_);
    }

    Bytes plain(const std::string& name) const { return read_file(plain_ / name); }
    LowerFile lower(const std::string& name) const { return open_lower(lower_ / name); }
    // The lower file with other bytes in place of its own, from an offset, and cut to a size.
    LowerFile changed(const std::string& name, std::size_t at, const Bytes& bytes,
                      std::size_t size) const {
        auto content = read_file(lower_ / name);
        std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(at));
        content.resize(size);
        const auto path = lower_ / "changed";
        std::ofstream(path, std::ios::binary) << base::as_text(content);
        return open_lower(path);
    }

    const test::TemporaryFolder folder_;
    const std::filesystem::path lower_ = folder_.path() / "lower";
    const std::filesystem::path plain_ = folder_.path() / "plain";
};

TEST_F(ContentReaderTest, ReadsWholeFiles) {
    for (const auto* name :
         {"size-000000.bin", "size-000001.bin", "size-004095.bin", "size-004096.bin",
          "size-004097.bin", "size-012288.bin", "size-100000.bin", "sub/deep/file.txt"}) {
        const auto file = lower(name);
        auto reader = reader_of(file);
        const auto whole = plain(name);
        EXPECT_EQ(reader.size(), whole.size()) << name;
        EXPECT_EQ(bytes_read(reader, 0, whole.size()), whole) << name;
        EXPECT_EQ(bytes_read(reader, 0, whole.size() + 2 * kExtentSize), whole) << name;
    }
}

TEST_F(ContentReaderTest, ReadsTheSameBytesAtAnyOffset) {
    const auto whole = plain("size-100000.bin");
    const auto file = lower("size-100000.bin");
    auto reader = reader_of(file);
    std::mt19937 random(20261127);
    std::uniform_int_distribution<std::uint64_t> offsets(0, whole.size() + kExtentSize);
    std::uniform_int_distribution<std::size_t> sizes(0, 5 * kExtentSize);
    for (int i = 0; i < 2'000; ++i) {
        const auto offset = offsets(random);
        const auto size = sizes(random);
        ASSERT_EQ(bytes_read(reader, offset, size), part_of(whole, offset, size))
            << size << " bytes from " << offset;
    }
}

TEST_F(ContentReaderTest, ReadsAcrossBordersOfExtents) {
    constexpr auto kNear =
        std::to_array<std::size_t>({0, 1, 15, 16, 17, kExtentSize - 1, kExtentSize, kExtentSize + 1,
                                    2 * kExtentSize - 1, 2 * kExtentSize, 2 * kExtentSize + 1,
                                    3 * kExtentSize - 1, 3 * kExtentSize, 3 * kExtentSize + 1});
    const auto whole = plain("size-012288.bin");
    const auto file = lower("size-012288.bin");
    auto reader = reader_of(file);
    for (const auto offset : kNear) {
        for (const auto size : kNear) {
            ASSERT_EQ(bytes_read(reader, offset, size), part_of(whole, offset, size))
                << size << " bytes from " << offset;
        }
    }
}

TEST_F(ContentReaderTest, ReadsNothingPastTheEnd) {
    const auto file = lower("size-004097.bin");
    auto reader = reader_of(file);
    for (const std::uint64_t offset :
         {std::uint64_t{4097}, std::uint64_t{8192}, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
        EXPECT_EQ(bytes_read(reader, offset, 100), Bytes{}) << offset;
    }
}

TEST_F(ContentReaderTest, ReportsZeroedExtentsAsLost) {
    const auto file = changed("size-012288.bin", kFront + kExtentSize, Bytes(kExtentSize),
                              kFront + 3 * kExtentSize);
    auto reader = reader_of(file);
    Bytes out(3 * kExtentSize, kUntouched);
    auto reading = reader.read(100, base::ByteSpan(out).first(2 * kExtentSize));
    ASSERT_THAT(reading, Succeeds());
    EXPECT_THAT(reading->lost, ::testing::ElementsAre(FileRange{kExtentSize, kExtentSize}));
    EXPECT_EQ(reading->size, 2 * kExtentSize);
    auto expected = plain("size-012288.bin");
    std::fill_n(expected.begin() + kExtentSize, kExtentSize, std::uint8_t{0});
    EXPECT_EQ(Bytes(out.begin(), out.begin() + 2 * kExtentSize),
              part_of(expected, 100, 2 * kExtentSize));

    reading = reader.read(kExtentSize + 7, base::ByteSpan(out).first(5));
    ASSERT_THAT(reading, Succeeds());
    EXPECT_THAT(reading->lost, ::testing::ElementsAre(FileRange{kExtentSize + 7, 5}));
    reading = reader.read(0, base::ByteSpan(out).first(kExtentSize));
    ASSERT_THAT(reading, Succeeds());
    EXPECT_TRUE(reading->lost.empty());
}

TEST_F(ContentReaderTest, CutFileEndsWithItsLastWholeBlock) {
    const auto whole = plain("size-012288.bin");
    const auto file = changed("size-012288.bin", 0, {}, kFront + kExtentSize + 100);
    auto reader = reader_of(file);
    EXPECT_EQ(reader.size(), kExtentSize + 96);
    EXPECT_EQ(bytes_read(reader, 0, whole.size()), part_of(whole, 0, kExtentSize + 96));
    EXPECT_EQ(bytes_read(reader, kExtentSize + 90, 100), part_of(whole, kExtentSize + 90, 6));
}

TEST_F(ContentReaderTest, ReadsPastTheSizeOnlyWhenTold) {
    const Bytes smaller = {0, 0, 0, 0, 0, 0, 0x10, 0x01};  // 4,097 bytes
    const auto whole = plain("size-012288.bin");
    const auto file = changed("size-012288.bin", 0, smaller, kFront + 3 * kExtentSize);
    auto reader = reader_of(file);
    EXPECT_EQ(bytes_read(reader, 0, whole.size()), part_of(whole, 0, 4097));
    const auto beyond = contents_beyond_size(file);
    EXPECT_EQ(beyond, (FileRange{4097, whole.size() - 4097}));
    auto whole_reader = reader_of(file, range_end(beyond));
    EXPECT_EQ(bytes_read(whole_reader, beyond.first, whole.size()),
              part_of(whole, beyond.first, whole.size()));
}

TEST_F(ContentReaderTest, UnreadablePartsAreZeros) {
    auto file = lower("size-012288.bin");
    const auto key = file_key_of(file);
    auto reader = base::value_or_throw(ContentReader::create(file, key, 12288));
    file.fd.reset();
    Bytes out(3 * kExtentSize, kUntouched);
    const auto reading = reader.read(0, out);
    ASSERT_THAT(reading, Succeeds());
    EXPECT_THAT(reading->lost, ::testing::ElementsAre(FileRange{0, 3 * kExtentSize}));
    EXPECT_EQ(out, Bytes(3 * kExtentSize));
}

}  // namespace
}  // namespace ecryptfs::lowerfs
