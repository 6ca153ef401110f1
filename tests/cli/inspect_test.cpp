// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl inspect: the whole program.

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/command.h"
#include "tests/support/documented_json.h"
#include "tests/support/exit_code.h"
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
using ::testing::HasSubstr;
using ::testing::Not;

class InspectTest : public ::testing::Test {
  protected:
    void SetUp() override { make_login_keyrings(); }

    static Outcome inspect(Arguments arguments) {
        arguments.insert(arguments.begin(), "inspect");
        return run({ECRYPTFSCTL, arguments});
    }
    static Json json(Arguments arguments) {
        arguments.emplace_back("--json");
        return Json::parse(inspect(arguments).out);
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    TemporaryFolder folder_;
};

TEST_F(InspectTest, FileShowsHeaderAndKeys) {
    unpack_vector("rsa-plus-pass.lower", path("v"));
    const auto file = path("v/size-004097.bin");
    const auto outcome = inspect({file});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, file +
                               "\n"
                               "  state     encrypted\n"
                               "  size      4097 bytes, 16384 encrypted\n"
                               "  header    version 3, encrypted; 8192 bytes in front\n"
                               "  cipher    aes, 128 bits\n"
                               "  PACKET     BYTE  OPENED BY    SIGNATURE         HELD HERE\n"
                               "  tag 1      26    private key  fe3467554552491d  no\n"
                               "  tag 3, 11  295   passphrase   4effbc23256b813d  no\n\n");
    EXPECT_EQ(outcome.err, "");
}

TEST_F(InspectTest, FilePrintsTheDocumentedJson) {
    unpack_vector("pass-aes32-fnek.lower", path("v"));
    const auto file = lower_name_of("size-000001.bin");
    auto printed = json({path("v/") + file});
    const auto expected = documented_json("inspect");
    printed["files"][0]["path"] = expected["files"][0]["path"];
    EXPECT_EQ(printed, expected);
}

TEST_F(InspectTest, FolderPrintsSummary) {
    unpack_vector("rsa-plus-pass.lower", path("v/a"));
    unpack_vector("pass-aes32-fnek.lower", path("v/b"));
    const auto outcome = inspect({path("v")});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out,
              "22 files: 22 encrypted; 249.2 kB when decrypted; 11 have one key only\n"
              "KEY                SIGNATURE         FILES     ALONE  HELD HERE\n"
              "names' passphrase  21e72551a9779b93  13 names  -      no\n"
              "passphrase         241defdd14eab0c2  11        11     no\n"
              "passphrase         4effbc23256b813d  11        0      no\n"
              "private key        fe3467554552491d  11        0      no\n");
}

TEST_F(InspectTest, FolderShowsEachFileWhenAsked) {
    unpack_vector("pass-aes16.lower", path("v"));
    EXPECT_THAT(inspect({path("v")}).out, Not(HasSubstr("size-004097.bin")));
    EXPECT_THAT(inspect({path("v"), "--all"}).out,
                AllOf(HasSubstr("size-004097.bin\n"), HasSubstr("file.txt\n"),
                      HasSubstr("11 files: 11 encrypted")));
}

TEST_F(InspectTest, ShowsKeysHeldHere) {
    unpack_vector("aes24-fnek.lower", path("v"));
    ASSERT_EQ(run({ECRYPTFSCTL, {"add-passphrase", "--fnek", "--passphrase-file", "-"}},
                  kCorrectHorsePassphrase)
                  .exit_code,
              0);
    const auto printed = json({path("v")});
    for (const auto& key : printed["summary"]["keys"]) {
        EXPECT_EQ(key["held_in"], Json::array({"user"})) << key;
    }
    EXPECT_THAT(inspect({path("v")}).out, HasSubstr("in the user keyring"));
}

TEST_F(InspectTest, ReadsHeaderInExtendedAttribute) {
    unpack_vector("aes16-xattr.lower", path("v"));
    const auto file = json({path("v/one.txt")})["files"][0];
    EXPECT_EQ(file["state"], "encrypted");
    EXPECT_EQ(file["header"]["place"], "xattr");
    EXPECT_EQ(file["header"]["data_offset"], 0);
    EXPECT_EQ(file["header"]["size"], 1);
    EXPECT_EQ(file["header"]["flags"], Json::array({"encrypted", "header-in-xattr"}));
    EXPECT_THAT(inspect({path("v/one.txt")}).out, HasSubstr("in the extended attribute"));
}

TEST_F(InspectTest, ReportsDamageWithItsPlace) {
    unpack_vector("pass-aes16.lower", path("v"));
    const auto lower = path("v/");
    fs::resize_file(lower + "size-100000.bin", 50'000);
    std::fstream(lower + "size-004097.bin", std::ios::in | std::ios::out).seekp(27) << '\xff';
    std::fstream(lower + "size-004096.bin", std::ios::in | std::ios::out).seekp(16) << '\x09';
    std::ofstream(lower + "plain.txt") << "plain";
    std::ofstream(lower + "empty.txt") << "";
    fs::create_directory(lower + "ECRYPTFS_FNEK_ENCRYPTED.FWYV");
    const auto outcome = inspect({path("v")});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed));
    EXPECT_THAT(
        outcome.out,
        AllOf(HasSubstr("size-100000.bin\n  state     damaged\n            60592 bytes of its "
                        "encrypted contents are missing at the end (byte 50000)\n"),
              HasSubstr("header: length field begins with 0xff, a form that the kernel does not "
                        "know (byte 27)"),
              HasSubstr("header: version 9, where at most 3 is known (byte 16)"),
              HasSubstr("plain.txt\n  state     not-encrypted\n"),
              HasSubstr("FWYV\n  state     damaged\n            encrypted name: ")));
    EXPECT_THAT(outcome.out, Not(HasSubstr("empty.txt")));
    EXPECT_THAT(outcome.out,
                HasSubstr("14 files: 8 encrypted, 1 empty, 1 not-encrypted, 4 damaged"));
    EXPECT_THAT(outcome.err, HasSubstr("ecryptfsctl: "));
    const auto printed = json({path("v")});
    EXPECT_EQ(printed["files"].size(), 14U);
    EXPECT_EQ(printed["summary"]["by_state"]["damaged"], 4);
}

TEST_F(InspectTest, ShowsPacketsAfterDamagedOne) {
    unpack_vector("rsa-plus-pass.lower", path("v"));
    const auto file = path("v/size-004097.bin");
    std::fstream(file, std::ios::in | std::ios::out).seekp(38) << '\x02';
    const auto outcome = inspect({file});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed));
    EXPECT_THAT(outcome.out,
                AllOf(HasSubstr("Tag 1 packet algorithm 0x02 instead of 0x01 (byte 38)"),
                      HasSubstr("cipher    aes, 128 bits\n"),
                      HasSubstr("  tag 3, 11  295   passphrase  4effbc23256b813d  no\n"),
                      HasSubstr("  0x01       26    damaged     fe3467554552491d  -\n")));
    const auto header = json({file})["files"][0]["header"];
    EXPECT_EQ(header["packets"].size(), 1U);
    ASSERT_EQ(header["damaged_packets"].size(), 1U);
    const auto& damaged = header["damaged_packets"][0];
    EXPECT_EQ(damaged["tag_byte"], 1);
    EXPECT_EQ(damaged["offset"], 26);
    EXPECT_EQ(damaged["size"], 269);
    EXPECT_EQ(damaged["signature"], "fe3467554552491d");
    EXPECT_EQ(damaged["message"], "header: Tag 1 packet algorithm 0x02 instead of 0x01 (byte 38)");
    EXPECT_EQ(damaged.size(), 5U);
}

TEST_F(InspectTest, CipherMayBeKnownToPrivateKeyOnly) {
    unpack_vector("rsa2048-aes16.lower", path("v"));
    const auto file = path("v/size-004097.bin");
    EXPECT_THAT(inspect({file}).out, HasSubstr("within what the private key opens"));
    std::fstream(file, std::ios::in | std::ios::out).seekp(38) << '\x02';
    EXPECT_THAT(inspect({file}).out, HasSubstr("cipher    unknown: no packet can be read\n"));
}

TEST_F(InspectTest, PlainAndLowerPathsFindEachOther) {
    unpack_vector("pass-aes32-fnek.lower", path("v"));
    const Arguments key = {"--passphrase-file", folder_.file("key", kBatteryStaple)};
    const auto with_key = [&](Arguments arguments) {
        arguments.insert(arguments.end(), key.begin(), key.end());
        return inspect(arguments);
    };
    for (const std::string plain : {"size-000001.bin", "sub/deep/file.txt", "sub/deep", "/sub/"}) {
        const auto found = with_key({path("v"), "--find", plain});
        ASSERT_EQ(found.exit_code, 0) << found.err;
        const auto lower = found.out.substr(0, found.out.size() - 1);
        EXPECT_TRUE(fs::exists(lower)) << lower;
        EXPECT_THAT(lower, HasSubstr("ECRYPTFS_FNEK_ENCRYPTED."));
        const auto expected = path("v/") + fs::path(plain).relative_path().string();
        EXPECT_THAT(with_key({lower}).out,
                    HasSubstr(lower + "\n  plain     " +
                              (expected.ends_with('/') ? expected.substr(0, expected.size() - 1)
                                                       : expected) +
                              "\n"))
            << plain;
    }
    EXPECT_THAT(with_key({path("v"), "--all"}).out,
                AllOf(HasSubstr("  plain     " + path("v/sub/deep/file.txt") + "\n"),
                      HasSubstr("by passphrase 21e72551a9779b93, held here: given")));
}

TEST_F(InspectTest, ReportsWhyNameIsNotFound) {
    unpack_vector("pass-aes32-fnek.lower", path("v"));
    const auto right = folder_.file("right", kBatteryStaple);
    const auto none = inspect({path("v"), "--find", "sub/none", "--passphrase-file", right});
    EXPECT_EQ(none.exit_code, exit_code(ErrorCode::kNotFound));
    EXPECT_EQ(none.out, "");
    EXPECT_THAT(none.err, HasSubstr("there is no sub/none in " + path("v") + "\n"));
    const auto wrong = inspect(
        {path("v"), "--find", "sub/none", "--passphrase-file", folder_.file("wrong", "wrong")});
    EXPECT_EQ(wrong.exit_code, exit_code(ErrorCode::kUnknownKey));
    EXPECT_THAT(wrong.err, HasSubstr("names want passphrase 21e72551a9779b93"));
    for (const char* outside : {"..", "../v", "sub/..", "."}) {
        EXPECT_EQ(inspect({path("v"), "--find", outside, "--passphrase-file", right}).exit_code,
                  exit_code(ErrorCode::kNotFound))
            << outside;
    }
}

TEST_F(InspectTest, FindPrintsTheDocumentedJson) {
    unpack_vector("pass-aes16.lower", path("v"));
    fs::create_symlink("x", path("v/link"));
    const auto found = json({path("v"), "--find", "sub", "--find", "file.txt", "--find",
                             "sub/deep/file.txt", "--find", "link"})["found"];
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0]["kind"], "folder");
    EXPECT_EQ(found[1]["path"], path("v/sub/deep/file.txt"));
    EXPECT_EQ(found[1]["plain_path"], "sub/deep/file.txt");
    EXPECT_EQ(found[1]["kind"], "file");
    EXPECT_EQ(found[2]["kind"], "link");
    EXPECT_EQ(found[0].size(), 3U);
}

TEST_F(InspectTest, WarnsOfUselessPassphrase) {
    unpack_vector("pass-aes16.lower", path("v"));
    const auto wrong = inspect({path("v"), "--passphrase-file", folder_.file("wrong", "another")});
    EXPECT_EQ(wrong.exit_code, 0);
    EXPECT_THAT(wrong.err, HasSubstr("has signature 054f28861b83077c, f083667018b5b4d5 for names, "
                                     "and opens nothing here\n"));
    const auto right =
        inspect({path("v"), "--passphrase-file", folder_.file("r", kCorrectHorsePassphrase)});
    EXPECT_EQ(right.err, "");
    EXPECT_THAT(right.out, HasSubstr("passphrase  9d59cdc2eaf8d95e  11     11     given\n"));
}

TEST_F(InspectTest, ReportsDataPastTheSize) {
    unpack_vector("pass-aes16.lower", path("v"));
    const auto with_size = [&](const std::string& name, char fifth, char sixth) {
        const auto file = path("v/") + name;
        std::fstream stream(file, std::ios::in | std::ios::out);
        stream.seekp(5);
        stream << fifth << sixth << '\0';
        stream.close();
        return inspect({file});
    };
    const auto empty = with_size("size-100000.bin", '\0', '\0');
    EXPECT_EQ(empty.exit_code, exit_code(ErrorCode::kMalformed));
    EXPECT_THAT(empty.out, AllOf(HasSubstr("  state     damaged\n            102400 bytes of "
                                           "encrypted data lie behind its end, as after a crash "
                                           "(byte 8192)\n"),
                                 HasSubstr("size      0 bytes, 110592 encrypted")));
    EXPECT_THAT(empty.err, HasSubstr("try: save them by decrypt with --beyond-size\n"));
    EXPECT_EQ(json({path("v/size-100000.bin")})["files"][0]["header"]["data_beyond_size"], 102400);
    EXPECT_THAT(with_size("size-100000.bin", '\0', '\x10').out,
                HasSubstr("98304 bytes of encrypted data lie behind its end"));
    // A page is what a crash of the kernel may leave when all is well.
    EXPECT_EQ(with_size("size-004096.bin", '\0', '\0').exit_code, 0);
}

TEST_F(InspectTest, ReportsUnreadableFiles) {
    const auto file = folder_.file("file", "x");
    ASSERT_EQ(::chmod(file.c_str(), 0), 0);
    const auto outcome = inspect({path(""), path("none")});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kAccessDenied)) << outcome.err;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("Permission denied"), HasSubstr("No such file"),
                                   HasSubstr("2 files: 2 unreadable")));
}

TEST_F(InspectTest, IgnoresPipesAndLinks) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    fs::create_symlink("/etc", path("link"));
    EXPECT_EQ(json({path("")})["summary"]["files"], 0);
}

TEST_F(InspectTest, NeedsPath) {
    const auto outcome = inspect({});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kInvalidArgument));
    EXPECT_THAT(outcome.err, HasSubstr("PATH"));
}

TEST_F(InspectTest, DeepTreesNeedFewDescriptors) {
    fs::create_directory(path("deep"));
    make_deep_folders(path("deep"), "f", 4000);
    const auto outcome = run({"/bin/sh",
                              {"-c", "ulimit -n 256; ulimit -s 256; exec \"$0\" inspect \"$1\"",
                               ECRYPTFSCTL, path("deep")}});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err.substr(outcome.err.size() / 2);
    run({"/bin/rm", {"-r", path("deep")}});
}

}  // namespace
}  // namespace ecryptfs::test
