// SPDX-License-Identifier: Apache-2.0

#include "cli/files/file_opener.h"

#include "lib/base/hex.h"
#include "tests/cli/support.h"
#include "tests/fakes/build_under_test.h"

namespace ecryptfs::cli {
namespace {

using base::value_or_throw;
using test::built;
using ByteVector = std::vector<std::uint8_t>;

// Of a file of one byte; version 3, encrypted, 8,192 bytes in front.
const std::string kFixedFields = "0000000000000001756a360549eb81f003000002000010000002";

// A Tag 1 packet of 128 bytes that no key has encrypted.
std::string noise_for(const wire::KeySignature& signature) {
    return "018a03" + std::string(signature.text()) + "01" + std::string(256, '7');
}

std::size_t count_of_operations(const std::string& file) {
    return test::content_of(file).size();
}

TEST(FileOpener, TriesEachPrivateKeyTwiceAFileAndAllEightTimes) {
    test::TemporaryFolder folder;
    FileOpener opener({test::host_program(), built("modules")});
    std::vector<std::string> counts;
    std::string packets;
    for (int key = 0; key < 5; ++key) {
        counts.push_back(folder.file(std::to_string(key), ""));
        const auto signature = value_or_throw(
            opener.add_private_key({"faulty", "faulty:counted?" + counts.back()}, ""));
        for (int i = 0; i < 5; ++i) {
            packets += noise_for(signature);
        }
    }
    const auto bytes = base::from_hex(kFixedFields + packets).value();
    const auto header = value_or_throw(lower::parse_header(bytes));
    ASSERT_EQ(header.packets.size(), 25U);
    const auto opened = opener.open(header);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, base::ErrorCode::kDecryptFailed);
    for (int key = 0; key < 4; ++key) {
        EXPECT_EQ(count_of_operations(counts[static_cast<std::size_t>(key)]), 2U) << key;
    }
    EXPECT_EQ(count_of_operations(counts.back()), 0U);
}

}  // namespace
}  // namespace ecryptfs::cli
