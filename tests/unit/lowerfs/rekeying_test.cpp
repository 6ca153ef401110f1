// SPDX-License-Identifier: Apache-2.0
//
// Headers for other keys: made, written, and completed by a journal.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <fstream>

#include "lib/lower/header_writer.h"
#include "lib/lowerfs/header_exchange.h"
#include "lib/lowerfs/header_journal.h"
#include "lib/lowerfs/key_change.h"
#include "tests/unit/lowerfs/support.h"

namespace ecryptfs::lowerfs {
namespace {

namespace fs = std::filesystem;
using base::as_bytes;
using base::ErrorCode;
using base::value_or_throw;
using test::Bytes;
using test::FailsWith;
using test::read_file;
using test::Succeeds;

lower::PassphraseKey key_of(std::string_view passphrase) {
    return value_or_throw(lower::derive_passphrase_key(as_bytes(passphrase), lower::kDefaultSalt));
}

NewKey new_key(std::string_view passphrase) {
    auto key = key_of(passphrase);
    const auto signature = key.signature;
    return {signature, std::move(key)};
}

// "Encrypts" by turning each byte, so that a test sees what it was given.
class TurnedBytes : public PublicKeys {
  public:
    base::Result<std::vector<std::uint8_t>> encrypt(const wire::KeySignature&,
                                                    base::ByteView file_key) override {
        std::vector<std::uint8_t> turned;
        std::ranges::transform(file_key, std::back_inserter(turned), [](std::uint8_t byte) {
            return static_cast<std::uint8_t>(byte ^ 0x55);
        });
        return turned;
    }
};

wire::KeySignature signature(std::string_view text) {
    return value_or_throw(wire::KeySignature::from_text(text));
}

base::Result<std::optional<std::vector<std::uint8_t>>> make_header(const LowerFile& file,
                                                                   FileKeySet& keys,
                                                                   const KeyChange& change) {
    TurnedBytes public_keys;
    return HeaderRekeying(keys, public_keys, change).make_header(file);
}

struct Vector {
    const char* name;
    const char* passphrase;
};

const std::vector<Vector> kVectors = {
    {"pass-aes16", "correct-horse"},  {"pass-aes32-fnek", "battery-staple"},
    {"rsa-plus-pass", "recovery"},    {"aes24-fnek", "correct-horse"},
    {"des3-fnek", "correct-horse"},   {"blowfish16-fnek", "correct-horse"},
    {"blowfish56", "correct-horse"},  {"cast5-fnek", "correct-horse"},
    {"aes16-xattr", "correct-horse"},
};

// The first file with contents.
LowerFile open_vector(const test::TemporaryFolder& folder, const char* name) {
    test::unpack_vector(std::string(name) + ".lower", folder.path());
    for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
        if (!entry.is_symlink() && entry.is_regular_file()) {
            auto file = test::open_lower(entry.path());
            if (file.header && file.header->plain_size > 0) {
                return file;
            }
        }
    }
    throw std::runtime_error("no file in the vector");
}

TEST(HeaderRekeying, OpensEachVectorForAnotherPassphrase) {
    for (const auto& [name, passphrase] : kVectors) {
        SCOPED_TRACE(name);
        const test::TemporaryFolder folder;
        const auto file = open_vector(folder, name);
        FileKeySet old_keys(nullptr);
        old_keys.add_passphrase_key(key_of(passphrase));
        KeyChange change;
        change.keys.push_back(new_key("other"));
        const auto made = make_header(file, old_keys, change);
        ASSERT_THAT(made, Succeeds());
        ASSERT_TRUE(made->has_value());
        const auto& bytes = **made;
        EXPECT_TRUE(std::ranges::equal(base::ByteView(bytes).first(26),
                                       base::ByteView(file.header_bytes).first(26)))
            << "size, marker, flags and place stay";
        const auto header = value_or_throw(lower::parse_header(bytes));
        EXPECT_FALSE(header.damage);
        ASSERT_EQ(header.packets.size(), 1U);
        FileKeySet new_keys(nullptr);
        new_keys.add_passphrase_key(key_of("other"));
        const auto before = value_or_throw(old_keys.open(*file.header));
        const auto after = value_or_throw(new_keys.open(header));
        EXPECT_EQ(after.cipher, before.cipher);
        EXPECT_TRUE(std::ranges::equal(after.fek.view(), before.fek.view()));
    }
}

TEST(HeaderRekeying, WritesPacketsAsTheKernelDoes) {
    const test::TemporaryFolder folder;
    const auto file = open_vector(folder, "pass-aes16");
    FileKeySet keys(nullptr);
    keys.add_passphrase_key(key_of("correct-horse"));
    KeyChange away;
    away.keys.push_back(new_key("other"));
    auto other = test::open_lower(folder.path() / "size-004097.bin");
    const auto kernels = other.header_bytes;
    auto moved = *value_or_throw(make_header(other, keys, away));
    moved.resize(kernels.size());
    other.header_bytes = moved;
    other.header = value_or_throw(lower::parse_header(other.header_bytes));
    FileKeySet new_keys(nullptr);
    new_keys.add_passphrase_key(key_of("other"));
    KeyChange back;
    back.keys.push_back(new_key("correct-horse"));
    auto returned = *value_or_throw(make_header(other, new_keys, back));
    returned.resize(kernels.size());
    EXPECT_EQ(returned, kernels);
}

TEST(HeaderRekeying, AddsBehindAndRemoves) {
    const test::TemporaryFolder folder;
    const auto file = open_vector(folder, "rsa-plus-pass");
    FileKeySet keys(nullptr);
    keys.add_passphrase_key(key_of("recovery"));
    const auto private_key = signature("0123456789abcdef");
    KeyChange change;
    change.keeps_others = true;
    change.keys.push_back({private_key});
    change.removed.insert(signature("fe3467554552491d"));
    const auto bytes = *value_or_throw(make_header(file, keys, change));
    const auto header = value_or_throw(lower::parse_header(bytes));
    ASSERT_EQ(header.packets.size(), 2U);
    EXPECT_EQ(header.packets[0].signature, key_of("recovery").signature);
    EXPECT_EQ(header.packets[1].kind, lower::PacketKind::kPublicKey);
    EXPECT_EQ(header.packets[1].signature, private_key);
    auto turned =
        value_or_throw(TurnedBytes().encrypt(private_key, header.packets[1].encrypted_fek));
    const auto given = value_or_throw(lower::file_key_from_decrypted(turned));
    EXPECT_TRUE(
        std::ranges::equal(given.fek.view(), value_or_throw(keys.open(*file.header)).fek.view()));
}

TEST(HeaderRekeying, LeavesFilesThatHaveTheKeys) {
    const test::TemporaryFolder folder;
    const auto file = open_vector(folder, "rsa-plus-pass");
    FileKeySet none(nullptr);
    KeyChange same;
    same.keys.push_back(new_key("recovery"));
    same.keys.push_back({signature("fe3467554552491d")});
    EXPECT_FALSE(value_or_throw(make_header(file, none, same)));
    KeyChange added;
    added.keeps_others = true;
    added.keys.push_back(new_key("recovery"));
    added.removed.insert(signature("0123456789abcdef"));
    EXPECT_FALSE(value_or_throw(make_header(file, none, added)));
}

TEST(HeaderRekeying, RefusesToLeaveNoProvenKey) {
    const test::TemporaryFolder folder;
    const auto file = open_vector(folder, "rsa-plus-pass");
    FileKeySet keys(nullptr);
    keys.add_passphrase_key(key_of("recovery"));
    KeyChange all;
    all.keeps_others = true;
    all.removed = {key_of("recovery").signature, signature("fe3467554552491d")};
    EXPECT_THAT(make_header(file, keys, all),
                FailsWith(ErrorCode::kInvalidArgument, "no key would be left"));
    KeyChange own;
    own.keeps_others = true;
    own.removed = {key_of("recovery").signature};
    EXPECT_THAT(make_header(file, keys, own),
                FailsWith(ErrorCode::kUnknownKey, "those are private key fe3467554552491d"));
    FileKeySet none(nullptr);
    KeyChange change;
    change.keys.push_back(new_key("other"));
    EXPECT_THAT(make_header(file, none, change),
                FailsWith(ErrorCode::kUnknownKey, "no key for it"));
}

TEST(HeaderRekeying, RefusesDamagedFileKeys) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / "size-004097.bin";
    test::unpack_vector("rsa-plus-pass.lower", folder.path());
    {
        const auto file = test::open_lower(path);
        const auto& fek = file.header->packets.back().encrypted_fek;
        const auto at = fek.data() - file.header_bytes.data();
        std::fstream(path, std::ios::in | std::ios::out).seekp(at) << "damaged";
    }
    FileKeySet keys(nullptr);
    keys.add_passphrase_key(key_of("recovery"));
    KeyChange change;
    change.keys.push_back(new_key("other"));
    EXPECT_THAT(make_header(test::open_lower(path), keys, change),
                FailsWith(ErrorCode::kDecryptFailed, "noise behind its end"));
}

TEST(HeaderRekeying, RefusesPacketsThatDoNotFit) {
    const test::TemporaryFolder folder;
    const auto file = open_vector(folder, "pass-aes16");
    FileKeySet keys(nullptr);
    keys.add_passphrase_key(key_of("correct-horse"));
    KeyChange change;
    for (int i = 0; i < 129; ++i) {
        change.keys.push_back({signature(fmt::format("{:016x}", i))});
    }
    EXPECT_THAT(make_header(file, keys, change),
                FailsWith(ErrorCode::kInvalidArgument, "129 keys, which do not fit"));
}

// A file, the header that it is to get, and what is in it now.
class HeaderExchangeTest : public ::testing::Test {
  protected:
    HeaderExchangeTest() {
        test::unpack_vector("pass-aes16.lower", folder_.path());
        keys_.add_passphrase_key(key_of("correct-horse"));
        change_.keys.push_back(new_key("other"));
    }

    HeaderExchange exchange() {
        auto file = test::open_lower(path_);
        auto header = *value_or_throw(make_header(file, keys_, change_));
        return {std::move(file), std::move(header)};
    }
    JournalEntry entry() {
        const auto made = exchange();
        JournalEntry entry{.path = path_.filename().string(),
                           .inode = made.file.status.st_ino,
                           .change = changed_bytes(made)};
        std::copy_n(made.file.header_bytes.begin() + 8, 8, entry.marker.begin());
        return entry;
    }
    int folder_fd() {
        opened_.reset(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        return opened_.get();
    }
    void overwrite(std::size_t at, base::ByteView bytes) const {
        std::fstream(path_, std::ios::in | std::ios::out | std::ios::binary)
            .seekp(static_cast<std::streamoff>(at))
            .write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
    }

    test::TemporaryFolder folder_;
    fs::path path_ = folder_.path() / "size-100000.bin";
    FileKeySet keys_{nullptr};
    KeyChange change_;
    base::UniqueFd opened_;
};

TEST_F(HeaderExchangeTest, KeepsAllButThePackets) {
    ASSERT_EQ(::chmod(path_.c_str(), 0440), 0);
    const auto before = read_file(path_);
    const auto status = test::status_of(path_);
    const auto made = exchange();
    ASSERT_THAT(exchange_header(made), Succeeds());
    auto after = read_file(path_);
    EXPECT_NE(after, before);
    ASSERT_EQ(after.size(), before.size());
    EXPECT_TRUE(std::equal(after.begin() + 4096, after.end(), before.begin() + 4096));
    const auto now = test::status_of(path_);
    EXPECT_EQ(now.st_mode, status.st_mode);
    EXPECT_EQ(now.st_mtim.tv_sec, status.st_mtim.tv_sec);
    EXPECT_EQ(now.st_mtim.tv_nsec, status.st_mtim.tv_nsec);
    EXPECT_THAT(exchange_header(made), FailsWith(ErrorCode::kBusy, "changed meanwhile"));
}

TEST_F(HeaderExchangeTest, ShorterHeaderLeavesZeros) {
    change_.keeps_others = true;
    ASSERT_THAT(exchange_header(exchange()), Succeeds());
    EXPECT_EQ(test::open_lower(path_).header->packets.size(), 2U);
    change_.keeps_others = false;
    ASSERT_THAT(exchange_header(exchange()), Succeeds());
    const auto file = test::open_lower(path_);
    ASSERT_EQ(file.header->packets.size(), 1U);
    const auto& packet = file.header->packets.front();
    EXPECT_TRUE(std::all_of(
        file.header_bytes.begin() + static_cast<std::ptrdiff_t>(packet.offset + packet.size),
        file.header_bytes.end(), [](std::uint8_t byte) { return byte == 0; }));
}

TEST_F(HeaderExchangeTest, ReplacesAttribute) {
    test::unpack_vector("aes16-xattr.lower", folder_.path() / "x");
    path_ = folder_.path() / "x" / "one.txt";
    const auto contents = read_file(path_);
    ASSERT_THAT(exchange_header(exchange()), Succeeds());
    EXPECT_EQ(read_file(path_), contents);
    const auto file = test::open_lower(path_);
    ASSERT_TRUE(file.header_in_attribute);
    EXPECT_EQ(file.header->packets.front().signature, key_of("other").signature);
}

// Whatever sectors a loss of power has left as they were.
TEST_F(HeaderExchangeTest, JournalCompletesTornHeaders) {
    // With forty private keys the packets are in several sectors.
    for (int i = 0; i < 40; ++i) {
        change_.keys.push_back({signature(fmt::format("{:016x}", i + 1))});
    }
    const auto journal = entry();
    ASSERT_GT(journal.change.after.size(), 1000U);
    const auto offset = journal.change.offset;
    const auto cut = 512 - offset;  // the first sector's part
    for (const auto& [first_new, rest_new] : std::vector<std::pair<bool, bool>>{
             {false, false}, {false, true}, {true, false}, {true, true}}) {
        const auto& before = journal.change.before;
        const auto& after = journal.change.after;
        const auto split = std::min(cut, after.size());
        overwrite(offset, base::ByteView(first_new ? after : before).first(split));
        overwrite(offset + split, base::ByteView(rest_new ? after : before).subspan(split));
        const auto redone = redo_entry(folder_fd(), journal);
        ASSERT_THAT(redone, Succeeds());
        EXPECT_EQ(*redone,
                  first_new && (rest_new || split == after.size()) ? Redo::kNeedless : Redo::kDone);
        const auto file = test::open_lower(path_);
        EXPECT_EQ(file.header->packets.size(), 41U);
        EXPECT_FALSE(file.header->damage);
    }
}

TEST_F(HeaderExchangeTest, JournalKeepsSizeWrittenMeanwhile) {
    const auto journal = entry();
    overwrite(0, lower::encode_plain_size(99'999));
    const auto redone = redo_entry(folder_fd(), journal);
    ASSERT_THAT(redone, Succeeds());
    EXPECT_EQ(*redone, Redo::kDone);
    EXPECT_EQ(test::open_lower(path_).header->plain_size, 99'999U);
}

TEST_F(HeaderExchangeTest, JournalTouchesNothingElse) {
    const auto journal = entry();
    const auto before = read_file(path_);
    const auto redo = [&](const JournalEntry& entry) { return redo_entry(folder_fd(), entry); };

    auto other_inode = journal;
    ++other_inode.inode;
    EXPECT_EQ(*redo(other_inode), Redo::kForeign);
    auto other_marker = journal;
    ++other_marker.marker[0];
    EXPECT_EQ(*redo(other_marker), Redo::kForeign);
    auto other_packets = journal;
    ++other_packets.change.before[0];
    EXPECT_EQ(*redo(other_packets), Redo::kForeign);
    auto no_header = journal;
    no_header.change.offset = 26;
    no_header.change.before.assign(before.begin() + 26, before.begin() + 36);
    no_header.change.after.assign(10, 0x7f);
    EXPECT_EQ(*redo(no_header), Redo::kForeign) << "it would make the header unreadable";
    EXPECT_EQ(read_file(path_), before);

    // A link to the file, outside, and a folder that is one.
    fs::create_directory(folder_.path() / "inside");
    fs::create_symlink(path_, folder_.path() / "inside/link");
    fs::create_directory_symlink(folder_.path(), folder_.path() / "inside/door");
    const base::UniqueFd inside(
        ::open((folder_.path() / "inside").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (const auto* path : {"link", "door/size-100000.bin"}) {
        auto outside = journal;
        outside.path = path;
        EXPECT_FALSE(redo_entry(inside.get(), outside)) << path;
    }
    EXPECT_EQ(read_file(path_), before);
    fs::rename(path_, folder_.path() / "elsewhere");
    EXPECT_THAT(redo(journal), FailsWith(ErrorCode::kNotFound, ""));
}

TEST_F(HeaderExchangeTest, JournalIsReadAsWritten) {
    const auto one = entry();
    auto two = one;
    two.path = "sub/deep/file";
    const auto bytes = encode_journal({one, two});
    const auto read = value_or_throw(parse_journal(bytes));
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].path, one.path);
    EXPECT_EQ(read[1].path, two.path);
    EXPECT_EQ(read[1].inode, one.inode);
    EXPECT_EQ(read[1].marker, one.marker);
    EXPECT_EQ(read[1].change.offset, one.change.offset);
    EXPECT_EQ(read[1].change.before, one.change.before);
    EXPECT_EQ(read[1].change.after, one.change.after);
    for (std::size_t size = 1; size < bytes.size(); ++size) {
        const auto cut = parse_journal(base::ByteView(bytes).first(size));
        EXPECT_TRUE(!cut || cut->size() < 2) << size;
    }
    EXPECT_THAT(parse_journal({}), Succeeds());
}

TEST_F(HeaderExchangeTest, JournalRefusesPathsThatLeaveTheFolder) {
    for (const std::string path : {"", "/etc/passwd", "..", "../file", "a/../../file", "a/.."}) {
        auto bad = entry();
        bad.path = path;
        EXPECT_THAT(parse_journal(encode_journal({bad})),
                    FailsWith(ErrorCode::kMalformed, "no path below a folder"))
            << path;
    }
    for (const std::size_t offset : {0U, 19U, 4090U}) {
        auto bad = entry();
        bad.change.offset = offset;
        EXPECT_THAT(parse_journal(encode_journal({bad})),
                    FailsWith(ErrorCode::kMalformed, "not among a header's packets"))
            << offset;
    }
    EXPECT_THAT(parse_journal(as_bytes("something else entirely")),
                FailsWith(ErrorCode::kMalformed, "not a journal"));
}

}  // namespace
}  // namespace ecryptfs::lowerfs
