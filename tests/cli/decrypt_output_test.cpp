// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl decrypt: what it makes of a file system, and what it does where that lacks something.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "cli/files/access_list.h"
#include "cli/files/earlier_copy.h"
#include "cli/files/safe_name.h"
#include "lib/base/handle.h"
#include "lib/base/hex.h"
#include "tests/support/command.h"
#include "tests/support/documented_json.h"
#include "tests/support/exit_code.h"
#include "tests/support/files.h"
#include "tests/support/keyrings.h"
#include "tests/support/lower_files.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using Json = nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr time_t kSomeTime = 1'500'000'000;

std::vector<std::uint8_t> bytes(const std::string& text) {
    return {text.begin(), text.end()};
}

std::set<std::string> names_in(const std::string& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
        names.insert(entry.path().filename().string());
    }
    return names;
}

// u::rwx, u:65534:rw-, g::r--, m::rw-, o::---
std::string access_list() {
    const auto list = base::from_hex(
        "02000000"
        "01000700ffffffff"
        "02000600feff0000"
        "04000400ffffffff"
        "10000600ffffffff"
        "20000000ffffffff");
    return {list.value().begin(), list.value().end()};
}

void set_attribute(const std::string& path, const char* name, const std::string& value) {
    ASSERT_EQ(::setxattr(path.c_str(), name, value.data(), value.size(), 0), 0)
        << path << ": " << std::strerror(errno);
}

std::string attribute(const std::string& path, const char* name) {
    std::array<char, 256> value{};
    const auto size = ::getxattr(path.c_str(), name, value.data(), value.size());
    return size < 0 ? "" : std::string(value.data(), static_cast<std::size_t>(size));
}

class DecryptOutput : public ::testing::Test {
  protected:
    void SetUp() override {
        make_login_keyrings();
        fs::create_directory(lower_);
    }

    // With the passphrases of contents and names; the file system lacks some things.
    Outcome decrypt(const Arguments& more = {}, const std::string& lacks = "") const {
        Arguments arguments = {
            "decrypt",           lower_,
            "--output",          out_,
            "--passphrase-file", folder_.file("contents", kCorrectHorsePassphrase),
            "--passphrase-file", folder_.file("names", kBatteryStaple)};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run({ECRYPTFSCTL, arguments, environment(lacks)});
    }
    static Environment environment(const std::string& lacks) {
        return lacks.empty() ? Environment{}
                             : Environment{{"LD_PRELOAD", ECRYPTFS_POOR_FILE_SYSTEM},
                                           {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                                           {"POOR_FILE_SYSTEM", lacks}};
    }
    Json json(const Arguments& more = {}, const std::string& lacks = "") const {
        Arguments arguments = more;
        arguments.emplace_back("--json");
        const auto outcome = decrypt(arguments, lacks);
        EXPECT_NE(outcome.out, "") << outcome.err;
        return Json::parse(outcome.out);
    }
    // Below the lower folder; all of one time.
    void write_lower(const std::string& name, const std::string& plain) const {
        std::ofstream(lower(name), std::ios::binary) << lower_file_of(bytes(plain));
        give_time(lower(name));
    }
    static void give_time(const std::string& path) {
        const std::array<timespec, 2> times = {{{kSomeTime, 5}, {kSomeTime, 7}}};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW), 0);
    }
    std::string lower(const std::string& name) const { return lower_ + "/" + name; }
    std::string out(const std::string& name) const { return out_ + "/" + name; }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    TemporaryFolder folder_;
    std::string lower_ = path("lower");
    std::string out_ = path("out");
};

TEST_F(DecryptOutput, HardLinksAreKept) {
    for (const char* folder : {"day1", "day2", "day3"}) {
        fs::create_directory(lower(folder));
    }
    write_lower("day1/photo", "x");
    fs::create_hard_link(lower("day1/photo"), lower("day2/photo"));
    fs::create_hard_link(lower("day1/photo"), lower("day3/other"));
    const auto printed = json();
    EXPECT_EQ(printed["decrypted"], 1);
    EXPECT_EQ(printed["linked"], 2);
    EXPECT_EQ(status_of(out("day1/photo")).st_ino, status_of(out("day2/photo")).st_ino);
    EXPECT_EQ(status_of(out("day1/photo")).st_nlink, 3U);

    fs::remove(out("day2/photo"));
    const auto again = json();
    EXPECT_EQ(again["skipped"], 2);
    EXPECT_EQ(again["linked"], 1);
    EXPECT_EQ(status_of(out("day1/photo")).st_nlink, 3U);
}

TEST_F(DecryptOutput, HardLinksBecomeFilesWithoutLinks) {
    write_lower("a", "x");
    fs::create_hard_link(lower("a"), lower("b"));
    const auto outcome = decrypt({"--json"}, "links");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(Json::parse(outcome.out)["not_kept"]["links"], 1);
    EXPECT_THAT(outcome.err, HasSubstr("names of one file that became files of their own: 1"));
    EXPECT_EQ(content_of(out("b")), "x");
}

TEST_F(DecryptOutput, AccessListsAndAttributesAreKept) {
    fs::create_directory(lower("sub"));
    write_lower("sub/file", "x");
    for (const char* name : {"sub", "sub/file"}) {
        set_attribute(lower(name), "system.posix_acl_access", access_list());
        set_attribute(lower(name), "user.origin", "camera");
    }
    set_attribute(lower("sub"), "system.posix_acl_default", access_list());
    set_attribute(lower("sub/file"), "user.ecryptfs", "not for people");
    EXPECT_EQ(decrypt().exit_code, 0);
    for (const char* name : {"sub", "sub/file"}) {
        EXPECT_EQ(attribute(out(name), "system.posix_acl_access"), access_list()) << name;
        EXPECT_EQ(attribute(out(name), "user.origin"), "camera") << name;
        EXPECT_EQ(status_of(out(name)).st_mode, status_of(lower(name)).st_mode) << name;
    }
    EXPECT_EQ(attribute(out("sub"), "system.posix_acl_default"), access_list());
    EXPECT_EQ(attribute(out("sub/file"), "user.ecryptfs"), "");
}

TEST_F(DecryptOutput, LostListGivesGroupNoMore) {
    write_lower("file", "x");
    set_attribute(lower("file"), "system.posix_acl_access", access_list());
    set_attribute(lower("file"), "user.origin", "camera");
    EXPECT_EQ(status_of(lower("file")).st_mode & 0777U, 0760U) << "the mask";
    const auto outcome = decrypt({"--json"}, "lists attributes");
    EXPECT_EQ(status_of(out("file")).st_mode & 0777U, 0740U);
    EXPECT_EQ(Json::parse(outcome.out)["not_kept"]["acls"], 1);
    EXPECT_EQ(Json::parse(outcome.out)["not_kept"]["xattrs"], 1);
    EXPECT_THAT(outcome.err, HasSubstr("access control list cannot be kept there"));
}

TEST_F(DecryptOutput, LostListGivesNobodyMore) {
    write_lower("file", "x");
    auto list = access_list();
    list[4 + 8 + 2] = '\0';      // u:65534:---
    list[4 + 4 * 8 + 2] = '\4';  // o::r--
    set_attribute(lower("file"), "system.posix_acl_access", list);
    decrypt({}, "lists");
    EXPECT_EQ(status_of(out("file")).st_mode & 0777U, 0700U);
}

TEST_F(DecryptOutput, UnreadableAttributesCountAsLost) {
    fs::create_directory(lower("sub"));
    write_lower("sub/file", "x");
    for (const char* name : {"sub", "sub/file"}) {
        set_attribute(lower(name), "system.posix_acl_access", access_list());
        set_attribute(lower(name), "user.origin", "camera");
    }
    const auto outcome = decrypt({"--json"}, "list-reads attribute-reads");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const char* name : {"sub", "sub/file"}) {
        EXPECT_EQ(status_of(out(name)).st_mode & 0777U, 0700U) << name;
        EXPECT_EQ(::getxattr(out(name).c_str(), "user.origin", nullptr, 0), -1) << name;
    }
    EXPECT_EQ(Json::parse(outcome.out)["not_kept"]["acls"], 3) << "the folder has two";
    EXPECT_EQ(Json::parse(outcome.out)["not_kept"]["xattrs"], 2);
}

TEST_F(DecryptOutput, DefaultListOfOutputIsNotInherited) {
    fs::create_directory(lower("sub"));
    write_lower("sub/file", "x");
    ASSERT_EQ(::chmod(lower("sub/file").c_str(), 0660), 0);
    fs::create_directory(out_);
    auto list = access_list();
    list[6] = '\4';  // less than we need ourselves
    set_attribute(out_, "system.posix_acl_default", list);
    EXPECT_EQ(decrypt().exit_code, 0);
    for (const char* name : {"sub", "sub/file"}) {
        EXPECT_EQ(attribute(out(name), "system.posix_acl_access"), "") << name;
    }
    EXPECT_EQ(attribute(out("sub"), "system.posix_acl_default"), "");
}

TEST_F(DecryptOutput, SetIdBitsAreDropped) {
    write_lower("program", "x");
    fs::create_directory(lower("shared"));
    ASSERT_EQ(::chmod(lower("program").c_str(), 06755), 0);
    ASSERT_EQ(::chmod(lower("shared").c_str(), 02755), 0);
    EXPECT_EQ(json()["not_kept"]["privileges"], 2);
    EXPECT_EQ(status_of(out("program")).st_mode & 07777U, 0755U);
    EXPECT_EQ(status_of(out("shared")).st_mode & 07777U, 0755U);
}

TEST_F(DecryptOutput, TwoFilesOfOneNameAreBothSaved) {
    write_lower("report.txt", "first contents ");
    write_lower(lower_name_of("report.txt"), "other contents ");
    for (const bool again : {false, true}) {
        const auto outcome = decrypt({"--json"});
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kNameChanged)) << outcome.err;
        const auto printed = Json::parse(outcome.out);
        EXPECT_EQ(printed["decrypted"], again ? 0 : 2);
        EXPECT_EQ(printed["skipped"], again ? 2 : 0);
        ASSERT_EQ(printed["renamed"].size(), 1U);
        EXPECT_EQ(printed["renamed"][0]["name"], "report.txt.2");
        EXPECT_THAT(names_in(out_), ElementsAre("report.txt", "report.txt.2"));
        const std::set<std::string> contents = {content_of(out("report.txt")),
                                                content_of(out("report.txt.2"))};
        EXPECT_THAT(contents, ElementsAre("first contents ", "other contents "));
    }
}

// The first run had one key only, or another PATH: what it wrote is of the same name, size and
// time.
TEST_F(DecryptOutput, CopyOfOtherFileIsNotTakenForComplete) {
    fs::create_directory(path("lower2"));
    write_lower("../lower2/report.txt", "other contents ");
    write_lower("report.txt", "first contents ");
    const auto first = lower_;
    lower_ = path("lower2");
    ASSERT_EQ(decrypt().exit_code, 0);
    lower_ = first;
    for (const bool again : {false, true}) {
        EXPECT_EQ(decrypt().exit_code, exit_code(ErrorCode::kNameChanged));
        EXPECT_EQ(content_of(out("report.txt")), "other contents ");
        EXPECT_EQ(content_of(out("report.txt.2")), "first contents ");
        EXPECT_EQ(names_in(out_).size(), 2U) << again;
    }
    lower_ = path("lower2");
    EXPECT_EQ(decrypt().exit_code, 0) << "and the other one is complete still";
}

TEST_F(DecryptOutput, RenamedFolderIsReported) {
    fs::create_directories(lower("a"));
    for (const auto& name : {std::string("sub"), lower_name_of("sub")}) {
        fs::create_directory(lower("a/" + name));
    }
    const auto printed = json();
    ASSERT_EQ(printed["renamed"].size(), 1U);
    EXPECT_EQ(printed["renamed"][0]["name"], "a/sub.2");
    const auto expected = documented_json("decrypt");
    EXPECT_EQ(printed["renamed"][0].size(), expected["renamed"][0].size());
    EXPECT_EQ(printed["not_kept"].size(), expected["not_kept"].size());
}

TEST_F(DecryptOutput, FoldersAndLinksOfOneNameAreBothSaved) {
    for (const auto& folder : {std::string("sub"), lower_name_of("sub")}) {
        fs::create_directory(lower(folder));
        write_lower(folder + "/file", folder == "sub" ? "one" : "two");
    }
    fs::create_symlink("a", lower("link"));
    fs::create_symlink("b", lower(lower_name_of("link")));
    EXPECT_EQ(decrypt().exit_code, exit_code(ErrorCode::kNameChanged));
    EXPECT_THAT(names_in(out_), ElementsAre("link", "link.2", "sub", "sub.2"));
    const std::set<std::string> contents = {content_of(out("sub/file")),
                                            content_of(out("sub.2/file"))};
    EXPECT_THAT(contents, ElementsAre("one", "two"));
}

TEST_F(DecryptOutput, FilesOfOneNameFromTwoPathsAreBothSaved) {
    fs::create_directory(path("lower2"));
    write_lower("file", "one");
    write_lower("../lower2/file", "two");
    EXPECT_EQ(decrypt({path("lower2")}).exit_code, exit_code(ErrorCode::kNameChanged));
    EXPECT_EQ(content_of(out("file")), "one");
    EXPECT_EQ(content_of(out("file.2")), "two");
}

TEST_F(DecryptOutput, NamesThatDifferOnlyInCaseAreBothSaved) {
    write_lower("Makefile", "one");
    write_lower("makefile", "two");
    fs::create_directory(lower("Sub"));
    fs::create_directory(lower("sub"));
    write_lower("sub/file", "x");
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(decrypt({}, "case unnamed").exit_code, exit_code(ErrorCode::kNameChanged));
        EXPECT_THAT(names_in(out_), ElementsAre("Makefile", "Sub", "makefile.2", "sub.2"));
        EXPECT_EQ(content_of(out("Makefile")), "one");
        EXPECT_EQ(content_of(out("makefile.2")), "two");
        EXPECT_EQ(content_of(out("sub.2/file")), "x");
    }
}

TEST_F(DecryptOutput, ForbiddenNamesAreChanged) {
    write_lower("what?.txt", "q");
    write_lower("what%3F.txt", "p");
    write_lower("etc.", "dot");
    fs::create_directory(lower("10:30"));
    write_lower("10:30/file", "x");
    fs::create_symlink("plain", lower("to*"));
    for (const std::string lacks : {"names", "names unnamed"}) {
        for (const bool again : {false, true}) {
            const auto outcome = decrypt({"--json"}, lacks);
            EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kNameChanged)) << outcome.err;
            EXPECT_THAT(outcome.err, HasSubstr("the file system there cannot have its name"));
            EXPECT_EQ(Json::parse(outcome.out)["renamed"].size(), 4U);
            EXPECT_EQ(Json::parse(outcome.out)["decrypted"], again ? 0 : 4);
            EXPECT_THAT(names_in(out_),
                        ElementsAre("10%3A30", "etc%2E", "to%2A", "what%3F.txt", "what%3F.txt.2"));
            EXPECT_EQ(content_of(out("10%3A30/file")), "x");
        }
        fs::remove_all(out_);
    }
}

TEST_F(DecryptOutput, UnsupportedLinksAreReported) {
    fs::create_symlink("target", lower("a-link"));
    write_lower("file", "x");
    const auto outcome = decrypt({}, "symlinks");
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kNotSupported));
    EXPECT_THAT(outcome.err, HasSubstr("a-link: it is a link to target, and the file system there "
                                       "has no links"));
    EXPECT_EQ(content_of(out("file")), "x");
}

TEST_F(DecryptOutput, DataPastTheEndIsReportedAndSaved) {
    const std::string plain(20'000, 'p');
    std::string file = lower_file_of(bytes(plain));
    std::fill_n(file.begin(), 8, '\0');  // the size
    std::ofstream(lower("crashed"), std::ios::binary) << file;
    auto short_one = lower_file_of(bytes(plain));
    short_one[7] = '\x05';
    short_one[6] = '\x00';
    std::ofstream(lower("short"), std::ios::binary) << short_one;
    std::ofstream(lower("usual"), std::ios::binary) << file.substr(0, 8192 + 4096);
    const auto outcome = decrypt();
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed));
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("crashed: 20480 bytes of encrypted data lie behind its end"),
                      HasSubstr("short: 16384 bytes"), Not(HasSubstr("usual")),
                      HasSubstr("--beyond-size")));
    EXPECT_EQ(fs::file_size(out("crashed")), 0U);

    const auto printed = json({"--beyond-size"});
    EXPECT_EQ(printed["failures"].size(), 0U);
    EXPECT_EQ(printed["beyond_size"], 2);
    EXPECT_EQ(content_of(out("crashed.beyond")), plain + std::string(480, '\0'));
    EXPECT_EQ(content_of(out("short")) + content_of(out("short.beyond")),
              plain + std::string(480, '\0'));
    EXPECT_EQ(decrypt({"--beyond-size"}).exit_code, 0) << "once more";
}

// A run that ends in the middle, by a signal: no file may be larger than that.
TEST_F(DecryptOutput, NextRunFinishesFolderOfKilledOne) {
    fs::create_directory(lower("sub"));
    write_lower("sub/a", "x");
    write_lower("sub/b", std::string(200'000, 'p'));
    ASSERT_EQ(::chmod(lower("sub").c_str(), 0750), 0);
    give_time(lower("sub"));
    for (const std::string lacks : {"nothing", "unnamed"}) {
        Arguments arguments = {"-c",
                               "ulimit -c 0; ulimit -f 100; exec \"$@\"",
                               "sh",
                               ECRYPTFSCTL,
                               "decrypt",
                               lower_,
                               "--output",
                               out_,
                               "--passphrase-file",
                               folder_.file("contents", kCorrectHorsePassphrase)};
        const auto killed = run({"/bin/sh", arguments, environment(lacks)});
        ASSERT_EQ(killed.exit_code, 128 + SIGXFSZ) << killed.err;
        EXPECT_EQ(status_of(out("sub")).st_mode & 0777U, 0700U);

        EXPECT_EQ(decrypt().exit_code, 0);
        EXPECT_EQ(status_of(out("sub")).st_mode & 0777U, 0750U);
        EXPECT_EQ(status_of(out("sub")).st_mtim.tv_sec, kSomeTime);
        EXPECT_THAT(names_in(out("sub")), ElementsAre("a", "b"));
        EXPECT_THAT(names_in(out_), ElementsAre("sub"));
        fs::remove_all(out_);
    }
}

TEST_F(DecryptOutput, ExistingFolderKeepsItsMode) {
    fs::create_directory(lower("sub"));
    write_lower("sub/file", "x");
    ASSERT_EQ(::chmod(lower("sub").c_str(), 0777), 0);
    fs::create_directories(out("sub"));
    ASSERT_EQ(::chmod(out("sub").c_str(), 0700), 0);
    EXPECT_EQ(decrypt().exit_code, 0);
    EXPECT_EQ(status_of(out("sub")).st_mode & 0777U, 0700U);
    EXPECT_EQ(content_of(out("sub/file")), "x");
}

TEST_F(DecryptOutput, OnlyOwnUnfinishedFilesAreRemoved) {
    const std::string ours = ".ecryptfsctl-unfinished.0123456789abcdef";
    const std::string other = ".ecryptfsctl-unfinished.of-somebody";
    fs::create_directory(out_);
    std::ofstream(out(ours)) << "x";
    std::ofstream(out(other)) << "x";
    ASSERT_EQ(::chmod(out(ours).c_str(), 0600), 0);
    ASSERT_EQ(::chmod(out(other).c_str(), 0644), 0);
    EXPECT_EQ(decrypt().exit_code, 0);
    EXPECT_THAT(names_in(out_), ElementsAre(other));
}

TEST_F(DecryptOutput, DeepTreesNeedFewDescriptors) {
    make_deep_folders(lower_, "f", 1500);
    const auto outcome = run({"/bin/sh",
                              {"-c", "ulimit -n 256; exec \"$@\"", "sh", ECRYPTFSCTL, "decrypt",
                               lower_, "--output", out_, "--json"}});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err.substr(outcome.err.size() / 2);
    run({"/bin/sh", {"-c", "cd \"$1\" && rm -r lower out", "sh", folder_.path()}});
}

TEST_F(DecryptOutput, ManyDeepFailuresNeedLittleRoom) {
    constexpr int kFailures = 1'200;
    constexpr std::size_t kLongestLine = 5'000;
    const auto bottom = make_deep_folders(lower_, std::string(250, 'f'), 100);
    for (int i = 0; i < kFailures; ++i) {
        ASSERT_EQ(::mkfifoat(bottom.get(), fmt::format("fifo{}", i).c_str(), 0600), 0);
    }
    const auto outcome = decrypt();
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kNotSupported));
    EXPECT_LT(outcome.err.size(), 1'010 * kLongestLine);
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1'002)
        << "and one for the rest, and the error";
    EXPECT_THAT(outcome.err.substr(outcome.err.size() - 400),
                AllOf(HasSubstr("200 more like these are not listed; --json lists all"),
                      HasSubstr("1200 items could not be decrypted")));
    EXPECT_THAT(outcome.out, HasSubstr("1200 failed"));
    EXPECT_THAT(outcome.err, HasSubstr("/fifo1: not a file, folder or link"));

    const auto printed = json();
    EXPECT_EQ(printed["failures"].size(), std::size_t{kFailures});
    const auto path = printed["failures"][0]["path"].get<std::string>();
    EXPECT_LT(path.size(), kLongestLine);
    EXPECT_TRUE(path.starts_with("\u2026/fff")) << path.substr(0, 20);
    EXPECT_TRUE(path.ends_with("f/fifo0"));
    run({"/bin/sh", {"-c", "cd \"$1\" && rm -r lower out", "sh", folder_.path()}});
}

TEST_F(DecryptOutput, OnlyTakesPlainNames) {
    const auto sub = lower_name_of("sub");
    fs::create_directory(lower(sub));
    write_lower(sub + "/" + lower_name_of("letter"), "dear");
    write_lower(sub + "/" + lower_name_of("bill"), "pay");
    write_lower(lower_name_of("letter"), "another");
    write_lower("ECRYPTFS_FNEK_ENCRYPTED.no-name", "broken");
    const auto outcome = decrypt({"--only", "sub/letter"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(names_in(out_), ElementsAre("sub"));
    EXPECT_THAT(names_in(out("sub")), ElementsAre("letter"));
    EXPECT_EQ(decrypt({"--only", "/sub/", "--only", "letter"}).exit_code, 0);
    EXPECT_THAT(names_in(out("sub")), ElementsAre("bill", "letter"));
    EXPECT_EQ(content_of(out("letter")), "another");

    const auto missing = decrypt({"--only", "sub/none", "--only", "letter"});
    EXPECT_EQ(missing.exit_code, exit_code(ErrorCode::kNotFound));
    EXPECT_THAT(missing.err, HasSubstr("there is no sub/none in what was given"));
    EXPECT_EQ(decrypt({"--only", "../lower"}).exit_code, exit_code(ErrorCode::kInvalidArgument));
}

TEST_F(DecryptOutput, OneFileGoesToStandardOutput) {
    std::string plain(1'500'000, '\0');
    plain += "the end";
    write_lower(lower_name_of("film"), plain);
    fs::create_directory(lower("sub"));
    write_lower("sub/note", "n");
    out_ = "-";
    const auto film = decrypt({"--only", "film"});
    EXPECT_EQ(film.exit_code, 0) << film.err;
    EXPECT_TRUE(film.out == plain);
    EXPECT_EQ(decrypt({"--only", "sub"}).out, "n");
    const auto several = decrypt();
    EXPECT_EQ(several.exit_code, exit_code(ErrorCode::kInvalidArgument));
    EXPECT_THAT(several.err,
                AllOf(HasSubstr("/film ("), HasSubstr("sub/note"), HasSubstr("--only")));
    EXPECT_EQ(several.out, "");
    EXPECT_EQ(decrypt({"--only", "none"}).exit_code, exit_code(ErrorCode::kNotFound));
    EXPECT_EQ(decrypt({"--only", "sub", "--json"}).exit_code,
              exit_code(ErrorCode::kInvalidArgument));
    EXPECT_FALSE(fs::exists("-"));
}

TEST_F(DecryptOutput, DamagedFileIsWrittenAsFarAsPossible) {
    std::ofstream(lower("cut")) << lower_file_of(bytes(std::string(20'000, 'p'))).substr(0, 12'288);
    auto crashed = lower_file_of(bytes(std::string(20'000, 'p')));
    crashed[6] = crashed[7] = '\0';
    std::ofstream(lower("crashed")) << crashed;
    out_ = "-";
    const auto cut = decrypt({"--only", "cut"});
    EXPECT_EQ(cut.exit_code, exit_code(ErrorCode::kMalformed));
    EXPECT_EQ(cut.out, std::string(4096, 'p'));
    EXPECT_THAT(cut.err, HasSubstr("cut: 15904 of its 20000 bytes are lost"));
    EXPECT_EQ(decrypt({"--only", "crashed"}).exit_code, exit_code(ErrorCode::kMalformed));
    const auto saved = decrypt({"--only", "crashed", "--beyond-size"});
    EXPECT_EQ(saved.exit_code, 0) << saved.err;
    EXPECT_EQ(saved.out, std::string(20'000, 'p') + std::string(480, '\0'));
}

TEST(SafeName, EncodesWhatOtherFileSystemsRefuse) {
    struct Pair {
        const char* name;
        const char* safe;
    };
    for (const auto& [name, safe] :
         std::to_array<Pair>({{"plain.txt", "plain.txt"},
                              {"100%", "100%"},
                              {"100%?", "100%25%3F"},
                              {"a:b|c\"d\\e<f>g*", "a%3Ab%7Cc%22d%5Ce%3Cf%3Eg%2A"},
                              {"tab\t", "tab%09"},
                              {"dot.", "dot%2E"},
                              {"blank ", "blank%20"},
                              {"con", "%63on"},
                              {"LPT1.txt", "%4CPT1.txt"},
                              {"console", "console"},
                              {"\xe4", "%E4"},
                              {"\u00e4\u20ac\U0001f511", "\u00e4\u20ac\U0001f511"},
                              {"\xed\xa0\x80", "%ED%A0%80"}})) {
        EXPECT_EQ(cli::safe_name(name), safe);
        EXPECT_EQ(cli::safe_name(safe), safe);
    }
    EXPECT_LE(cli::safe_name(std::string(255, '?')).size(), 255U);
    EXPECT_EQ(cli::numbered_name("a", 1), "a");
    EXPECT_EQ(cli::numbered_name(std::string(255, 'a'), 12), std::string(252, 'a') + ".12");
}

TEST(AccessList, GivesRightsOfOwningGroup) {
    const auto rights = [](std::string list) { return cli::group_rights(base::as_bytes(list)); };
    EXPECT_EQ(rights(access_list()), 0040U);
    auto no_mask_bits = access_list();
    no_mask_bits[4 + 3 * 8 + 2] = '\0';
    EXPECT_EQ(rights(no_mask_bits), 0U);
    EXPECT_EQ(rights(access_list().substr(0, 15)), 0U);
    EXPECT_EQ(rights(""), 0U);
}

TEST(AccessList, GivesRightsOfAllNamed) {
    const auto rights = [](std::string list) { return cli::named_rights(base::as_bytes(list)); };
    EXPECT_EQ(rights(access_list()), 06U);
    auto read_only_mask = access_list();
    read_only_mask[4 + 3 * 8 + 2] = '\4';
    EXPECT_EQ(rights(read_only_mask), 04U);
    auto of_a_group = access_list();
    of_a_group[4 + 8] = '\10';
    of_a_group[4 + 8 + 2] = '\1';
    EXPECT_EQ(rights(of_a_group), 0U);
    EXPECT_EQ(rights(access_list().substr(0, 4)), 07U) << "nobody";
    EXPECT_EQ(rights(""), 0U);
}

TEST(KeptTime, AllowsRoundingOfFileSystems) {
    const timespec time{1'500'000'001, 123'456'789};
    EXPECT_TRUE(cli::is_kept_time(time, time));
    EXPECT_TRUE(cli::is_kept_time({1'500'000'001, 123'456'700}, time)) << "NTFS";
    EXPECT_TRUE(cli::is_kept_time({1'500'000'001, 120'000'000}, time)) << "exFAT";
    EXPECT_TRUE(cli::is_kept_time({1'500'000'001, 0}, time)) << "ext3";
    EXPECT_TRUE(cli::is_kept_time({1'500'000'000, 0}, time)) << "FAT";
    EXPECT_FALSE(cli::is_kept_time({1'500'000'001, 123'456'788}, time));
    EXPECT_FALSE(cli::is_kept_time({1'500'000'003, 0}, time));
    EXPECT_FALSE(cli::is_kept_time({1'500'000'001, 5}, time));
}

}  // namespace
}  // namespace ecryptfs::test
