// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl rekey, with passphrases; with private keys it is in tests/integration.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "lib/base/handle.h"
#include "lib/keyring/passphrase_key.h"
#include "lib/lowerfs/file_key_set.h"
#include "lib/lowerfs/header_journal.h"
#include "lib/lowerfs/lower_file.h"
#include "tests/support/command.h"
#include "tests/support/documented_json.h"
#include "tests/support/exit_code.h"
#include "tests/support/files.h"
#include "tests/support/keyrings.h"
#include "tests/support/lower_files.h"
#include "tests/support/signatures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::value_or_throw;
using Json = nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kOldSignature[] = "9d59cdc2eaf8d95e";
constexpr char kJournal[] = ".ecryptfsctl-rekey";

class Rekeying : public ::testing::Test {
  protected:
    void SetUp() override {
        make_login_keyrings();
        fs::create_directory(lower_);
    }

    static Outcome ctl(const Arguments& arguments, const std::string& input = "") {
        return run({ECRYPTFSCTL, arguments}, input);
    }
    // From correct-horse, which comes by standard input.
    Outcome rekey(const Arguments& more, const std::string& passphrase = kCorrectHorsePassphrase) {
        Arguments arguments = {"rekey", lower_, "--passphrase-file", "-"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return ctl(arguments, passphrase);
    }
    Outcome rekey_to_other() { return rekey({"--to-passphrase-file", other_file()}); }
    std::string other_file() { return folder_.file("other", "other\n"); }
    // Puts a passphrase's key for contents into the keyring; its signature.
    static std::string add_token(const std::string& passphrase) {
        const auto added = ctl({"add-passphrase", "--passphrase-file", "-"}, passphrase);
        EXPECT_EQ(added.exit_code, 0) << added.err;
        return added.out.substr(0, 16);
    }
    // What decrypt makes of it is the plain tree.
    void expect_opens(const std::string& passphrase, const std::string& plain) {
        const auto out = path("out-" + passphrase);
        fs::remove_all(out);
        const auto outcome =
            ctl({"decrypt", lower_, "--output", out, "--passphrase-file", "-"}, passphrase);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_EQ(difference(plain, out), "");
    }
    std::string plain_of(const std::string& vector) {
        const auto plain = path("plain-" + vector);
        unpack_vector(vector, plain);
        return plain;
    }
    void write_lower(const std::string& name, const std::string& content) const {
        std::ofstream(lower_ + "/" + name, std::ios::binary) << content;
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
    std::string lower(const std::string& name) const { return lower_ + "/" + name; }

    TemporaryFolder folder_;
    std::string lower_ = path("lower");
};

TEST_F(Rekeying, OpensWithTheNewPassphraseOnly) {
    unpack_vector("pass-aes16.lower", lower_);
    const auto outcome = rekey_to_other();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("rekeyed 11 files; 0 have these keys already; 0 failed\n"));
    expect_opens("other", plain_of("plain"));
    const auto old = ctl({"decrypt", lower_, "--output", path("old"), "--passphrase-file", "-"},
                         "correct-horse");
    EXPECT_EQ(old.exit_code, exit_code(ErrorCode::kUnknownKey));
    const auto again = rekey({"--to-passphrase-file", other_file()});
    EXPECT_EQ(again.exit_code, 0) << again.err;
    EXPECT_THAT(again.out, HasSubstr("rekeyed 0 files; 11 have these keys already"));
    EXPECT_FALSE(fs::exists(lower(kJournal)));
}

TEST_F(Rekeying, TakesEachCipherAndPlace) {
    for (const auto* vector :
         {"aes24-fnek", "des3-fnek", "blowfish56", "cast5-fnek", "aes16-xattr"}) {
        SCOPED_TRACE(vector);
        fs::remove_all(lower_);
        unpack_vector(std::string(vector) + ".lower", lower_);
        const auto outcome = rekey({"--to-passphrase-file", other_file(), "--json"});
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        // Names keep their key.
        const auto out = path("out");
        fs::remove_all(out);
        const auto opened = ctl({"decrypt", lower_, "--output", out, "--passphrase-file", "-",
                                 "--passphrase-file", folder_.file("names", "correct-horse\n")},
                                "other");
        EXPECT_EQ(opened.exit_code, 0) << opened.err;
        EXPECT_EQ(difference(plain_of("ciphers.plain"), out), "");
    }
}

TEST_F(Rekeying, AddsAndRemoves) {
    unpack_vector("pass-aes16.lower", lower_);
    const auto added = rekey({"--add-passphrase-file", other_file()});
    EXPECT_EQ(added.exit_code, 0) << added.err;
    EXPECT_THAT(added.out, Not(HasSubstr("only ")));
    const auto plain = plain_of("plain");
    expect_opens("other", plain);
    expect_opens("correct-horse", plain);
    // Who removes a key shows that another one opens the files.
    const auto blind = rekey({"--remove", kOldSignature});
    EXPECT_EQ(blind.exit_code, exit_code(ErrorCode::kUnknownKey));
    const auto removed = rekey({"--remove", kOldSignature}, "other");
    EXPECT_EQ(removed.exit_code, 0) << removed.err;
    EXPECT_THAT(removed.out, HasSubstr("only passphrase "));
    const auto last = rekey({"--remove", add_token("other")}, "other");
    EXPECT_EQ(last.exit_code, exit_code(ErrorCode::kInvalidArgument));
    EXPECT_THAT(last.err, HasSubstr("no key would be left"));
    expect_opens("other", plain);
}

TEST_F(Rekeying, TakesKeysFromTheKeyring) {
    unpack_vector("pass-aes16.lower", lower_);
    add_token("correct-horse");
    const auto other = add_token("other");
    const auto outcome = ctl({"rekey", lower_, "--to", other});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_opens("other", plain_of("plain"));
    const auto unknown = ctl({"rekey", lower_, "--to", "0123456789abcdef"});
    EXPECT_EQ(unknown.exit_code, exit_code(ErrorCode::kUnknownKey));
}

TEST_F(Rekeying, DryRunChangesNothing) {
    unpack_vector("aes24-fnek.lower", lower_);
    const auto before =
        run({"sh", {"-c", "cd \"$0\" && find . -type f -exec sha256sum {} +", lower_}});
    const auto outcome = rekey({"--to-passphrase-file", other_file(), "--dry-run"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("would rekey "), HasSubstr("passphrase 9d59cdc2"),
                                   HasSubstr("only passphrase ")));
    EXPECT_THAT(outcome.err, HasSubstr("which rekey does not change: keep that passphrase, and "
                                       "mount with --fnek e80b89d3427db0d3"));
    const auto after =
        run({"sh", {"-c", "cd \"$0\" && find . -type f -exec sha256sum {} +", lower_}});
    EXPECT_EQ(after.out, before.out);
}

TEST_F(Rekeying, PrintsDocumentedJson) {
    unpack_vector("rsa-plus-pass.lower", lower_);
    write_lower("foreign", "no header here");
    write_lower("none", "");
    fs::create_hard_link(lower("size-004097.bin"), lower("z-second-name"));
    const auto outcome =
        rekey({"--to-passphrase-file", other_file(), "--json", "--list-alone"}, "recovery");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto printed = Json::parse(outcome.out);
    EXPECT_EQ(printed["rekeyed"], 11);
    EXPECT_EQ(printed["not_encrypted"], 1);
    EXPECT_EQ(printed["empty"], 1);
    EXPECT_EQ(printed["linked"], 1);
    EXPECT_EQ(printed["changes"].size(), 1U);
    EXPECT_EQ(printed["changes"][0]["from"].size(), 2U);
    EXPECT_EQ(printed["one_key_only"][0]["files"], 11);
    EXPECT_EQ(printed["one_key_only"][0]["paths"].size(), 11U);
    const auto expected = documented_json("rekey");
    EXPECT_EQ(printed.size(), expected.size());
    for (const auto& [name, value] : expected.items()) {
        EXPECT_EQ(printed[name].type(), value.type()) << name;
    }
}

TEST_F(Rekeying, ListsFilesThatOneKeyOpens) {
    write_lower("a", lower_file_of({'x'}));
    const auto outcome = rekey({"--to-passphrase-file", other_file(), "--list-alone", "--dry-run"});
    EXPECT_THAT(outcome.out, HasSubstr(" opens " + lower("a") + "\n"));
}

TEST_F(Rekeying, GoesOnAfterFailures) {
    write_lower("a", lower_file_of({'x'}));
    write_lower("b-packet", [] {
        auto file = lower_file_of({'x'});
        file[26] = '\x7f';
        return file;
    }());
    write_lower("c-cut", lower_file_of({'x'}).substr(0, 90));
    fs::create_symlink(lower("a"), lower("d-link"));
    write_lower("e", lower_file_of({'x'}));
    const auto outcome = rekey_to_other();
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed)) << outcome.err;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("rekeyed 3 files"), HasSubstr("1 failed")));
    EXPECT_THAT(outcome.err, HasSubstr("b-packet: header: no packet begins with 0x7f (byte 26)"));
}

TEST_F(Rekeying, WrongKeyChangesNothing) {
    unpack_vector("pass-aes16.lower", lower_);
    const auto outcome = rekey({"--to-passphrase-file", other_file()}, "wrong");
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kUnknownKey));
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("11 files want passphrase 9d59cdc2eaf8d95e"),
                                   HasSubstr("and opens nothing here")));
    expect_opens("correct-horse", plain_of("plain"));
}

TEST_F(Rekeying, TakesSingleFilesAndLinks) {
    write_lower("file", lower_file_of({'x'}));
    fs::create_symlink("lower/file", path("link"));
    for (const auto& [target, from, to] : std::vector<std::array<std::string, 3>>{
             {path("link"), "correct-horse", "other"}, {lower("file"), "other", "third"}}) {
        const auto outcome = ctl({"rekey", target, "--passphrase-file", "-", "--to-passphrase-file",
                                  folder_.file("new", to)},
                                 from);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_THAT(outcome.out, HasSubstr("rekeyed 1 files"));
    }
    EXPECT_TRUE(fs::is_symlink(path("link")));
}

TEST_F(Rekeying, KeepsTimesAndReadOnlyModes) {
    write_lower("file", lower_file_of({'x'}));
    ASSERT_EQ(::chmod(lower("file").c_str(), 0400), 0);
    const std::array<timespec, 2> times = {timespec{1, 2}, timespec{3, 4}};
    ASSERT_EQ(::utimensat(AT_FDCWD, lower("file").c_str(), times.data(), 0), 0);
    ASSERT_EQ(rekey_to_other().exit_code, 0);
    const auto status = status_of(lower("file"));
    EXPECT_EQ(status.st_mode & 07777U, 0400U);
    EXPECT_EQ(status.st_mtim.tv_sec, 3);
    EXPECT_EQ(status.st_mtim.tv_nsec, 4);
}

TEST_F(Rekeying, RefusesASecondRun) {
    write_lower("file", lower_file_of({'x'}));
    const base::UniqueFd other(::open(lower_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
    const auto outcome = rekey_to_other();
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kBusy)) << outcome.err;
}

// The file's journal, as a run leaves it that dies before it writes the header.
lowerfs::JournalEntry journal_of(const std::string& file, const std::string& name) {
    const auto opened = value_or_throw(lowerfs::open_lower_file(AT_FDCWD, file));
    const auto& packet = opened.header->packets.front();
    lowerfs::JournalEntry entry{.path = name, .inode = opened.status.st_ino};
    std::copy_n(opened.header_bytes.begin() + 8, 8, entry.marker.begin());
    const auto at = opened.header_bytes.begin() + static_cast<std::ptrdiff_t>(packet.offset);
    entry.change.offset = packet.offset;
    entry.change.before.assign(at, at + static_cast<std::ptrdiff_t>(packet.size));
    entry.change.after = entry.change.before;
    entry.change.after[20] ^= 0xff;  // of the encrypted file key
    return entry;
}

void write_journal(const std::string& path, const lowerfs::JournalEntry& entry) {
    std::ofstream(path, std::ios::binary) << base::as_text(lowerfs::encode_journal({entry}));
}

TEST_F(Rekeying, ResumesWhatAJournalSays) {
    write_lower("file", lower_file_of({'x'}));
    const auto before = content_of(lower("file"));
    write_journal(lower(kJournal), journal_of(lower("file"), "file"));
    ASSERT_EQ(::chmod(lower(kJournal).c_str(), 0600), 0);
    const auto dry = rekey({"--to-passphrase-file", other_file(), "--dry-run"});
    EXPECT_EQ(dry.exit_code, 0) << dry.err;
    EXPECT_THAT(dry.err, HasSubstr("left a journal"));
    const auto outcome = ctl({"rekey", lower_, "--resume"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("completed 1 headers"));
    EXPECT_NE(content_of(lower("file")), before);
    EXPECT_FALSE(fs::exists(lower(kJournal)));
    EXPECT_THAT(ctl({"rekey", lower_, "--resume"}).out, HasSubstr("completed 0 headers"));
}

TEST_F(Rekeying, HostileJournalsDoNothing) {
    write_lower("file", lower_file_of({'x'}));
    std::ofstream(path("outside"), std::ios::binary) << lower_file_of({'x'});
    const auto before = content_of(path("outside"));
    auto entry = journal_of(path("outside"), "../outside");
    write_journal(lower(kJournal), entry);
    const auto out_of_it = ctl({"rekey", lower_, "--resume"});
    EXPECT_EQ(out_of_it.exit_code, exit_code(ErrorCode::kMalformed)) << out_of_it.err;
    fs::create_symlink(path("outside"), lower("link"));
    entry.path = "link";
    write_journal(lower(kJournal), entry);
    EXPECT_NE(ctl({"rekey", lower_, "--resume"}).exit_code, 0);
    // Another file has taken the place: only a warning.
    entry.path = "file";
    write_journal(lower(kJournal), entry);
    const auto replaced = ctl({"rekey", lower_, "--resume"});
    EXPECT_EQ(replaced.exit_code, 0) << replaced.err;
    EXPECT_THAT(replaced.err, HasSubstr("file: changed since an interrupted run"));
    EXPECT_EQ(content_of(path("outside")), before);
    EXPECT_EQ(content_of(lower("file")), lower_file_of({'x'}));
}

TEST_F(Rekeying, JournalThatOthersMayWriteIsRefused) {
    write_lower("file", lower_file_of({'x'}));
    write_journal(lower(kJournal), journal_of(lower("file"), "file"));
    ASSERT_EQ(::chmod(lower(kJournal).c_str(), 0660), 0);
    EXPECT_EQ(rekey_to_other().exit_code, exit_code(ErrorCode::kAccessDenied));
    ASSERT_EQ(::chmod(lower(kJournal).c_str(), 0600), 0);
    fs::create_hard_link(lower(kJournal), path("kept"));
    EXPECT_EQ(rekey_to_other().exit_code, exit_code(ErrorCode::kAccessDenied));
    fs::remove(lower(kJournal));
    fs::create_symlink(path("kept"), lower(kJournal));
    EXPECT_EQ(rekey_to_other().exit_code, exit_code(ErrorCode::kAccessDenied));
    EXPECT_EQ(content_of(lower("file")), lower_file_of({'x'}));
}

// Killed at any moment, each file is opened by the old key or the new one, and a run that may end
// has them all on the new one.
TEST_F(Rekeying, KilledRunsLoseNothing) {
    constexpr int kFiles = 600;
    constexpr int kKills = 20;  // 100 were seen to lose nothing as well
    const auto content = lower_file_of({'x'});
    for (int i = 0; i < kFiles; ++i) {
        write_lower(fmt::format("{:04}", i), content);
    }
    const auto keys = std::array{add_token("correct-horse"), add_token("other")};
    const auto expect_all_open = [&] {
        lowerfs::FileKeySet set(nullptr, keyring::find_passphrase_key);
        for (int i = 0; i < kFiles; ++i) {
            const auto file = lowerfs::open_lower_file(AT_FDCWD, lower(fmt::format("{:04}", i)));
            ASSERT_TRUE(file && file->header && !file->header->damage) << i;
            ASSERT_EQ(file->header->packets.size(), 1U) << i;
            ASSERT_TRUE(set.open(*file->header)) << i;
        }
    };
    const base::UniqueFd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
    std::mt19937 random(1);
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(ctl({"rekey", lower_, "--to", keys[1]}).exit_code, 0);
    const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - start);
    std::uniform_int_distribution<std::int64_t> moments(0, whole.count() + 1'000);
    int killed = 0;
    for (int i = 0; i < kKills; ++i) {
        {
            const Process process(
                {ECRYPTFSCTL, {"rekey", lower_, "--to", keys.at(i % 2 == 0 ? 0U : 1U)}},
                {{1, nowhere.get()}, {2, nowhere.get()}});
            std::this_thread::sleep_for(std::chrono::microseconds(moments(random)));
            process.send_signal(SIGKILL);
        }
        killed += fs::exists(lower(kJournal)) ? 1 : 0;
        expect_all_open();
        ASSERT_FALSE(HasFatalFailure()) << "kill " << i;
    }
    EXPECT_GT(killed, 0) << "some left a journal";
    const auto last = ctl({"rekey", lower_, "--to", keys[0]});
    EXPECT_EQ(last.exit_code, 0) << last.err;
    EXPECT_FALSE(fs::exists(lower(kJournal)));
    for (int i = 0; i < kFiles; ++i) {
        EXPECT_EQ(content_of(lower(fmt::format("{:04}", i))), content) << i;
    }
}

}  // namespace
}  // namespace ecryptfs::test
