// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl decrypt, with passphrases; with private keys it is in tests/integration.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "cli/files/decrypt_record.h"
#include "cli/files/file_json.h"
#include "cli/output/progress.h"
#include "lib/base/handle.h"
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
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Decrypting : public ::testing::Test {
  protected:
    void SetUp() override {
        make_login_keyrings();
        fs::create_directory(lower_);
    }

    static Outcome ctl(const Arguments& arguments, const std::string& input = "") {
        return run({ECRYPTFSCTL, arguments}, input);
    }
    Outcome decrypt(const std::string& passphrase = kCorrectHorsePassphrase,
                    const Arguments& more = {}) const {
        Arguments arguments = {"decrypt", lower_, "--output", out_, "--passphrase-file", "-"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return ctl(arguments, passphrase);
    }
    void write_lower(const std::string& name, const std::string& content) const {
        std::ofstream(lower_ + "/" + name, std::ios::binary) << content;
    }
    std::string out(const std::string& name) const { return out_ + "/" + name; }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    TemporaryFolder folder_;
    std::string lower_ = path("lower");
    std::string out_ = path("out");
};

struct KernelTree {
    const char* name;
    const char* passphrase;
    const char* plain;
};

TEST_F(Decrypting, DecryptsWhatTheKernelEncrypted) {
    unpack_vector("plain", path("p"));
    unpack_vector("ciphers.plain", path("c"));
    for (const auto& [name, passphrase, plain] : std::to_array<KernelTree>({
             {"pass-aes16", kCorrectHorsePassphrase, "p"},
             {"pass-aes32-fnek", kBatteryStaple, "p"},
             {"rsa-plus-pass", "recovery", "p"},
             {"aes24-fnek", kCorrectHorsePassphrase, "c"},
             {"des3-fnek", kCorrectHorsePassphrase, "c"},
             {"blowfish16-fnek", kCorrectHorsePassphrase, "c"},
             {"blowfish56", kCorrectHorsePassphrase, "c"},
             {"cast5-fnek", kCorrectHorsePassphrase, "c"},
             {"aes16-xattr", kCorrectHorsePassphrase, "c"},
         })) {
        const auto to = path(std::string("out-") + name);
        unpack_vector(std::string(name) + ".lower", path(name));
        const auto outcome =
            ctl({"decrypt", path(name), "--output", to, "--passphrase-file", "-"}, passphrase);
        EXPECT_EQ(outcome.exit_code, 0) << name << ": " << outcome.err;
        EXPECT_THAT(outcome.err, Not(HasSubstr("noise"))) << name;
        EXPECT_EQ(difference(path(plain), to), "") << name;
    }
}

TEST_F(Decrypting, KeepsTimesAndModes) {
    unpack_vector("aes24-fnek.lower", lower_);
    ASSERT_EQ(decrypt().exit_code, 0);
    unpack_vector("ciphers.plain", path("plain"));
    for (const char* name : {"one.txt", "sub", "sub/below.txt"}) {
        const auto expected = status_of(path("plain") + "/" + name);
        const auto given = status_of(out(name));
        EXPECT_EQ(given.st_mode, expected.st_mode) << name;
        EXPECT_EQ(given.st_mtim.tv_sec, expected.st_mtim.tv_sec) << name;
    }
    EXPECT_EQ(status_of(out("link")).st_mtim.tv_sec, status_of(path("plain/link")).st_mtim.tv_sec);
}

TEST_F(Decrypting, FillsReadOnlyFolders) {
    unpack_vector("pass-aes16.lower", lower_);
    const auto sub = lower_ + "/sub";
    ASSERT_EQ(::chmod(sub.c_str(), 0500), 0);
    EXPECT_EQ(decrypt().exit_code, 0);
    EXPECT_EQ(status_of(out("sub")).st_mode & 0777U, 0500U);
    EXPECT_TRUE(fs::exists(out("sub/deep/file.txt")));
    ASSERT_EQ(::chmod(out("sub").c_str(), 0700), 0);
    fs::remove_all(out("sub/deep"));
    ASSERT_EQ(::chmod(out("sub").c_str(), 0500), 0);
    EXPECT_EQ(decrypt().exit_code, 0) << "a run that goes on with it";
    EXPECT_EQ(status_of(out("sub")).st_mode & 0777U, 0500U);
    EXPECT_TRUE(fs::exists(out("sub/deep/file.txt")));
    for (const auto& each : {sub, out("sub")}) {
        ::chmod(each.c_str(), 0700);  // to be removed
    }
}

TEST_F(Decrypting, TakesSingleFiles) {
    unpack_vector("pass-aes32-fnek.lower", path("v"));
    const auto name =
        "ECRYPTFS_FNEK_ENCRYPTED.FWYVtmJFeLSPYkZJX-NgOfDT1lHK53ASG3TI9hHxIp5FEvdo9REiDP.ojU--";
    const auto outcome = ctl(
        {"decrypt", path("v/") + name, "--output", out_, "--passphrase-file", "-"}, kBatteryStaple);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(fs::file_size(out("size-000001.bin")), 1U);
}

TEST_F(Decrypting, SkipsCompleteFiles) {
    unpack_vector("pass-aes16.lower", lower_);
    ASSERT_EQ(decrypt().exit_code, 0);
    fs::remove(out("size-004097.bin"));
    // As a run that was killed leaves it behind.
    std::ofstream(out(".ecryptfsctl-unfinished")) << std::string(9999, 'x');
    const auto again = decrypt(kCorrectHorsePassphrase, {"--json"});
    EXPECT_EQ(again.exit_code, 0) << again.err;
    const auto printed = Json::parse(again.out);
    EXPECT_EQ(printed["decrypted"], 1);
    EXPECT_EQ(printed["skipped"], 10);
    unpack_vector("plain", path("p"));
    EXPECT_EQ(difference(path("p"), out_), "");
}

TEST_F(Decrypting, NeverOverwrites) {
    unpack_vector("ciphers.plain", path("plain"));
    unpack_vector("aes24-fnek.lower", lower_);
    fs::create_directories(out("numbers.txt"));
    std::ofstream(out("one.txt")) << "2";  // of the same size, and of another time
    std::ofstream(out("sub")) << "no folder";
    fs::create_symlink("elsewhere", out("link"));
    const auto outcome = decrypt();
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kAlreadyExists)) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("decrypted 1 files"));
    EXPECT_THAT(outcome.out, HasSubstr("4 failed"));
    EXPECT_EQ(content_of(out("one.txt")), "2");
    EXPECT_EQ(content_of(out("sub")), "no folder");
    EXPECT_EQ(fs::read_symlink(out("link")), "elsewhere");
}

TEST_F(Decrypting, RefusesFolderOfOtherRun) {
    unpack_vector("pass-aes16.lower", path("v"));
    fs::create_directory(out_);
    const base::UniqueFd other(
        ::open(out(".ecryptfsctl-unfinished").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
    const auto outcome =
        ctl({"decrypt", path("v/size-000001.bin"), "--output", out_, "--passphrase-file", "-"},
            kCorrectHorsePassphrase);
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kAlreadyExists)) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("another program is writing"));
}

TEST_F(Decrypting, WritesZerosAsHoles) {
    std::vector<std::uint8_t> plain(3'000'000);
    plain.front() = 'a';
    plain[2'000'000] = 'b';
    write_lower("sparse", lower_file_of(plain));
    ASSERT_EQ(decrypt().exit_code, 0);
    EXPECT_EQ(content_of(out("sparse")), std::string(plain.begin(), plain.end()));
    EXPECT_LT(status_of(out("sparse")).st_blocks * 512, 100'000);
}

TEST_F(Decrypting, SavesRestOfDamagedFiles) {
    std::vector<std::uint8_t> plain(20'000, 'p');
    const auto whole = lower_file_of(plain);
    write_lower("a-cut", whole.substr(0, 8192 + 2 * 4096 + 100));
    auto zeroed = whole;
    std::fill_n(zeroed.begin() + 8192 + 4096, 4096, '\0');
    write_lower("b-zeroed", zeroed);
    write_lower("c-plain", "no header here");
    auto bad_packet = whole;
    bad_packet[26] = '\x7f';
    write_lower("d-packet", bad_packet);
    write_lower("e-empty", "");
    write_lower("f-header-only", whole.substr(0, 512));
    write_lower("g-whole", whole);
    const auto outcome = decrypt(kCorrectHorsePassphrase, {"--json"});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed)) << outcome.err;
    const auto printed = Json::parse(outcome.out);
    EXPECT_EQ(printed["decrypted"], 2);
    EXPECT_EQ(printed["failures"].size(), 5U);
    EXPECT_EQ(content_of(out("a-cut.damaged")), std::string(8192 + 96, 'p'));
    EXPECT_THAT(outcome.err, HasSubstr("a-cut: 11712 of its 20000 bytes are lost, from byte 8288; "
                                       "the rest is in a-cut.damaged"));
    EXPECT_EQ(content_of(out("b-zeroed.damaged")),
              std::string(4096, 'p') + std::string(4096, '\0') + std::string(11808, 'p'));
    EXPECT_THAT(outcome.err,
                HasSubstr("b-zeroed: 4096 of its 20000 bytes are lost, from byte 4096"));
    EXPECT_THAT(outcome.err, HasSubstr("c-plain: no eCryptfs header"));
    EXPECT_THAT(outcome.err, HasSubstr("d-packet: header: no packet begins with 0x7f (byte 26)"));
    EXPECT_EQ(fs::file_size(out("e-empty")), 0U);
    EXPECT_FALSE(fs::exists(out("a-cut")));
    EXPECT_EQ(content_of(out("g-whole")), std::string(20'000, 'p'));
}

TEST_F(Decrypting, RecoveryKeyOpensDamagedHeader) {
    unpack_vector("rsa-plus-pass.lower", path("v"));
    const auto good = content_of(path("v/size-004097.bin"));
    // Tag, length, version and algorithm of the private key's packet.
    for (const auto& [at, byte] : std::to_array<std::pair<std::size_t, char>>(
             {{26, '\x41'}, {27, '\xff'}, {29, '\x04'}, {38, '\x02'}})) {
        auto file = good;
        file[at] = byte;
        write_lower(fmt::format("byte-{}", at), file);
    }
    const auto outcome = decrypt("recovery");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("decrypted 4 files"));
    unpack_vector("plain", path("p"));
    EXPECT_EQ(content_of(out("byte-29")), content_of(path("p/size-004097.bin")));
}

TEST_F(Decrypting, SecondRunReportsLossAgain) {
    write_lower("cut", lower_file_of(std::vector<std::uint8_t>(20'000, 'p')).substr(0, 12'288));
    for (const std::uint64_t bytes : {4096U, 0U}) {
        const auto outcome = decrypt(kCorrectHorsePassphrase, {"--json"});
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed)) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr("15904 of its 20000 bytes are lost"));
        EXPECT_EQ(Json::parse(outcome.out)["bytes"], bytes);
    }
    std::ofstream(out("cut.damaged")) << "mine";
    EXPECT_EQ(decrypt().exit_code, exit_code(ErrorCode::kAlreadyExists));
    EXPECT_EQ(content_of(out("cut.damaged")), "mine");
}

TEST_F(Decrypting, LongNameOfDamagedFileIsShortened) {
    std::string long_name = "a";
    while (long_name.size() < 255) {
        long_name += "\u00e4";
    }
    write_lower(long_name, lower_file_of(std::vector<std::uint8_t>(20'000)).substr(0, 12'288));
    EXPECT_EQ(decrypt().exit_code, exit_code(ErrorCode::kMalformed));
    EXPECT_EQ(fs::file_size(out(long_name.substr(0, 247) + ".damaged")), 4096U);
}

TEST_F(Decrypting, SkipsNamesOfUnfinishedFiles) {
    const auto file = lower_file_of({'x'});
    fs::create_symlink("x", lower_ + "/.ecryptfsctl-unfinished");
    write_lower("whole", file);
    const auto outcome = decrypt();
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed)) << outcome.err;
    EXPECT_EQ(content_of(out("whole")), "x");
}

TEST_F(Decrypting, ReportsObstacleInPlaceOfLink) {
    fs::create_symlink("x", lower_ + "/link");
    fs::create_directories(out("link"));
    EXPECT_EQ(decrypt().exit_code, exit_code(ErrorCode::kAlreadyExists));
}

TEST_F(Decrypting, NamesAndLinksCannotLeaveOutput) {
    const auto file = lower_file_of({'x'});
    write_lower(lower_name_of("../escaped"), file);
    write_lower(lower_name_of(".."), file);
    // Two that have the same plain name: a link out of it, and a folder.
    fs::create_symlink(folder_.path(), lower_ + "/" + lower_name_of("door"));
    fs::create_directory(lower_ + "/door");
    write_lower("door/stranger", file);
    const auto outcome = ctl({"decrypt", lower_, "--output", out_, "--passphrase-file",
                              folder_.file("b", kBatteryStaple), "--passphrase-file", "-"},
                             kCorrectHorsePassphrase);
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed)) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("no file can have its name"));
    EXPECT_FALSE(fs::exists(path("escaped")));
    EXPECT_TRUE(fs::is_symlink(out("door")));
    EXPECT_FALSE(fs::exists(path("stranger")));
    EXPECT_TRUE(fs::exists(out(lower_name_of(".."))));
}

TEST_F(Decrypting, ExistingLinkIsNotFollowed) {
    fs::create_directory(lower_ + "/sub");
    write_lower("sub/file", lower_file_of({'x'}));
    fs::create_directories(path("elsewhere"));
    fs::create_directory(out_);
    fs::create_directory_symlink(path("elsewhere"), out("sub"));
    EXPECT_EQ(decrypt().exit_code, exit_code(ErrorCode::kAlreadyExists));
    EXPECT_TRUE(fs::is_empty(path("elsewhere")));
}

TEST_F(Decrypting, KeepsUnreadableNameEncrypted) {
    const auto name = lower_name_of("secret.txt");
    write_lower(name, lower_file_of({'x'}));
    const auto outcome = decrypt();
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kUnknownKey)) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("encrypted by passphrase 21e72551a9779b93"));
    EXPECT_EQ(content_of(out(name)), "x");
}

TEST_F(Decrypting, KeepsTextAddedBySyncTools) {
    const auto name = lower_name_of("thesis.odt");
    const auto dot = name.rfind('.');
    const auto file = lower_file_of({'x'});
    for (const std::string added :
         {" (1)", "~", ".sync-conflict-20240101-120000-ABCDEFG", "-HOST"}) {
        write_lower(name + added, file);
        write_lower(name.substr(0, dot) + added + " b" + name.substr(dot), file);
    }
    fs::create_directory(lower_ + "/" + lower_name_of("folder") + " (Case Conflict)");
    write_lower(name.substr(0, name.size() - 4) + " (cut)", file);
    const auto outcome = ctl({"decrypt", lower_, "--output", out_, "--passphrase-file",
                              folder_.file("b", kBatteryStaple), "--passphrase-file", "-"},
                             kCorrectHorsePassphrase);
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed)) << outcome.err;
    for (const std::string added :
         {" (1)", "~", ".sync-conflict-20240101-120000-ABCDEFG", "-HOST"}) {
        EXPECT_EQ(content_of(out("thesis.odt" + added)), "x");
        EXPECT_EQ(content_of(out("thesis.odt" + added + " b")), "x");
    }
    EXPECT_TRUE(fs::is_directory(out("folder (Case Conflict)")));
    EXPECT_TRUE(fs::exists(out(name.substr(0, name.size() - 4) + " (cut)")));
    EXPECT_EQ(std::distance(fs::directory_iterator(out_), {}), 10);
}

TEST_F(Decrypting, TakesSeveralWrappedPassphrases) {
    unpack_vector("pass-aes16.lower", lower_ + "/a");
    unpack_vector("pass-aes32-fnek.lower", lower_ + "/b");
    for (const auto& [name, mount, wrapping] : std::to_array<std::array<std::string, 3>>(
             {{"first", kCorrectHorsePassphrase, "one"}, {"second", kBatteryStaple, "two"}})) {
        ASSERT_EQ(
            ctl({"wrap-passphrase", path(name), "--passphrase-file", folder_.file("mount", mount),
                 "--wrapping-passphrase-file", folder_.file(name + "-wrapping", wrapping)})
                .exit_code,
            0);
    }
    const Arguments both = {"decrypt",   lower_,        "--output",  out_,
                            "--wrapped", path("first"), "--wrapped", path("second")};
    auto arguments = both;
    for (const char* file : {"first-wrapping", "second-wrapping"}) {
        arguments.insert(arguments.end(), {"--wrapping-passphrase-file", path(file)});
    }
    const auto outcome = ctl(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("decrypted 22 files"));

    arguments = both;
    for (const char* file : {"second-wrapping", "first-wrapping"}) {
        arguments.insert(arguments.end(), {"--wrapping-passphrase-file", path(file)});
    }
    const auto swapped = ctl(arguments);
    EXPECT_EQ(swapped.exit_code, exit_code(ErrorCode::kWrongSecret));
    EXPECT_THAT(swapped.err, HasSubstr(path("first") + ": this is not the wrapping passphrase"));

    arguments = both;
    arguments.insert(arguments.end(), {"--wrapping-passphrase-file", path("first-wrapping")});
    const auto not_asked = ctl(arguments);
    EXPECT_EQ(not_asked.exit_code, exit_code(ErrorCode::kSecretRequired)) << not_asked.err;
}

TEST_F(Decrypting, RecognisesLoginPassphraseOfNearbyFile) {
    const auto home = path("a home");
    const auto wrapped = home + "/.ecryptfs/wrapped-passphrase";
    unpack_vector("pass-aes16.lower", home + "/.Private");
    fs::create_directory(home + "/.ecryptfs");
    const auto login = folder_.file("login", "login passphrase\n");
    const Arguments lower = {"decrypt", home + "/.Private/sub", "--output", out_};
    ASSERT_EQ(ctl({"wrap-passphrase", wrapped, "--passphrase-file", "-",
                   "--wrapping-passphrase-file", login},
                  kCorrectHorsePassphrase)
                  .exit_code,
              0);
    auto arguments = lower;
    arguments.insert(arguments.end(), {"--passphrase-file", login});
    const auto outcome = ctl(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kUnknownKey));
    EXPECT_THAT(outcome.err,
                HasSubstr(fmt::format("try: it is the wrapping passphrase of {0}: give --wrapped "
                                      "'{0}' --wrapping-passphrase-file {1} instead of "
                                      "--passphrase-file {1}\n",
                                      wrapped, login)));
    arguments = lower;
    arguments.insert(arguments.end(), {"--wrapped", wrapped, "--wrapping-passphrase-file", login});
    EXPECT_EQ(ctl(arguments).exit_code, 0) << "as advised";
}

TEST_F(Decrypting, NamesNearbyWrappedPassphrase) {
    const auto home = path("home");
    const auto wrapped = home + "/.ecryptfs/wrapped-passphrase";
    unpack_vector("pass-aes16.lower", home + "/.Private");
    fs::create_directory(home + "/.ecryptfs");
    fs::copy_file(vector_path("wrapped-v2"), wrapped);
    const auto with = [&](const Arguments& keys) {
        Arguments arguments = {"decrypt", home + "/.Private", "--output", out_};
        arguments.insert(arguments.end(), keys.begin(), keys.end());
        return ctl(arguments, "wrapping-pass").err;
    };
    EXPECT_THAT(with({"--passphrase-file", folder_.file("wrong", "mistyped")}),
                HasSubstr("try: give --wrapped " + wrapped + " and the login passphrase; or"));
    EXPECT_THAT(with({"--wrapped", wrapped, "--wrapping-passphrase-file", "-"}),
                AllOf(HasSubstr("the mount passphrase in " + wrapped + " has signature"),
                      Not(HasSubstr("--wrapped"))));
}

TEST_F(Decrypting, ReportsWrongSalt) {
    unpack_vector("aes24-fnek.lower", lower_);
    const auto names_open = decrypt(kCorrectHorsePassphrase, {"--salt", "0011223344556678"});
    EXPECT_EQ(names_open.exit_code, exit_code(ErrorCode::kUnknownKey));
    EXPECT_THAT(names_open.err, HasSubstr("try: leave --salt out"));
    fs::remove_all(out_);
    fs::remove_all(lower_);
    fs::create_directory(lower_);
    write_lower(lower_name_of("letter"), lower_file_of({'x'}));
    const auto outcome = decrypt(kBatteryStaple);
    EXPECT_THAT(outcome.err, HasSubstr("try: give --salt HEX, if the salt of the contents is "
                                       "another: the passphrase on standard input opens names"));
}

TEST_F(Decrypting, ReportsFilesByPlainName) {
    const auto folder = lower_name_of("letters");
    const auto file = lower_name_of("to ada");
    const auto foreign =
        "ECRYPTFS_FNEK_ENCRYPTED.FWaowQ4RbDXw2-QkRv.qwu-"
        "WyjCqB6R6wl1B2Lp4-uvRhUuNL2Vi5rPizE--";
    fs::create_directory(lower_ + "/" + folder);
    write_lower(folder + "/" + file, "not encrypted");
    write_lower(folder + "/" + foreign, "not encrypted");
    const auto outcome = decrypt(kBatteryStaple, {"--json"});
    const auto message = std::string(
        "no eCryptfs header: it is not encrypted, or its beginning is "
        "lost\n");
    EXPECT_EQ(outcome.err,
              lower_ + "/letters/to ada (" + file + "): " + message + lower_ + "/letters/" +
                  foreign + ": " + message +
                  "ecryptfsctl: 2 items could not be decrypted: 1 name wants passphrase "
                  "b4f1c19d9cf8fc10\n");
    const auto failures = Json::parse(outcome.out)["failures"];
    EXPECT_EQ(failures[0]["path"], lower_ + "/" + folder + "/" + file);
    EXPECT_EQ(failures[0]["plain_path"], lower_ + "/letters/to ada");
}

TEST_F(Decrypting, WrongUsageWritesNothing) {
    struct Wrong {
        Arguments arguments;
        ErrorCode why;
        std::string says;
    };
    for (const auto& [arguments, why, says] : std::vector<Wrong>{
             {{"decrypt", lower_}, ErrorCode::kInvalidArgument, "--output"},
             {{"decrypt", "--output", out_}, ErrorCode::kInvalidArgument, "PATH"},
             {{"decrypt", lower_, "--output", out_, "--passphrase"},
              ErrorCode::kSecretRequired,
              "--passphrase-file"},
             {{"decrypt", lower_, "--output", out_, "--passphrase-file", "-", "--passphrase-file",
               "-"},
              ErrorCode::kInvalidArgument,
              "can hold only one of the passphrases"},
             {{"decrypt", lower_, "--output", out_, "--key", "k.pem", "--key-passphrase-file", "-",
               "--wrapped", vector_path("wrapped-v2"), "--wrapping-passphrase-file", "-"},
              ErrorCode::kInvalidArgument,
              "can hold only one of the passphrases"},
             {{"decrypt", lower_, "--output", out_, "--key", "k.pem", "--salt", "0011223344556677"},
              ErrorCode::kInvalidArgument,
              "--salt belongs to a mount passphrase"},
             {{"decrypt", lower_, "--output", out_, "--salt", "x"},
              ErrorCode::kInvalidArgument,
              "salt"},
             {{"decrypt", lower_, "--output", out_, "--key-passphrase-file", "-"},
              ErrorCode::kInvalidArgument,
              "more --key-passphrase-file than --key"},
             {{"decrypt", lower_, "--output", out_, "--wrapped", vector_path("wrapped-v2"),
               "--wrapping-passphrase-file", "-", "--wrapping-passphrase-file", "x"},
              ErrorCode::kInvalidArgument,
              "more --wrapping-passphrase-file than --wrapped"},
             {{"decrypt", lower_, "--output", out_, "--key", "http://a"},
              ErrorCode::kInvalidArgument,
              "http:"},
             {{"decrypt", lower_, "--output", out_, "--key", "/k.pem", "--pki-host", "/no/host"},
              ErrorCode::kModuleFailed,
              "/no/host"},
             {{"decrypt", lower_, "--output", path("no/folder")},
              ErrorCode::kNotFound,
              "no/folder"},
         }) {
        const auto outcome = ctl(arguments);
        EXPECT_EQ(outcome.exit_code, exit_code(why)) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr(says));
        EXPECT_THAT(outcome.out, IsEmpty());
        EXPECT_FALSE(fs::exists(out_));
    }
}

TEST_F(Decrypting, DoesNotDecryptItsOwnOutput) {
    write_lower("file", lower_file_of({'x'}));
    const auto outcome =
        ctl({"decrypt", lower_, "--output", lower_ + "/out", "--passphrase-file", "-"},
            kCorrectHorsePassphrase);
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kInvalidArgument)) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("the output's own folder"));
    EXPECT_EQ(content_of(lower_ + "/out/file"), "x");
}

TEST_F(Decrypting, QuietStillNamesFailures) {
    write_lower("one", "not encrypted");
    write_lower("two", lower_file_of(std::vector<std::uint8_t>(20'000, 'p')).substr(0, 512));
    const auto outcome = decrypt(kCorrectHorsePassphrase, {path("none"), "--quiet"});
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(lower_ + "/two: "), HasSubstr(path("none") + ": ")));
}

TEST_F(Decrypting, MissingPathDoesNotStopOthers) {
    write_lower("file", lower_file_of({'x'}));
    const auto outcome =
        ctl({"decrypt", path("none"), lower_, "--output", out_, "--passphrase-file", "-"},
            kCorrectHorsePassphrase);
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kNotFound));
    EXPECT_EQ(content_of(out("file")), "x");
}

TEST_F(Decrypting, PrintsTheDocumentedJson) {
    write_lower("broken", lower_file_of(std::vector<std::uint8_t>(20'000, 'p')).substr(0, 512));
    const auto printed = Json::parse(decrypt(kCorrectHorsePassphrase, {"--json"}).out);
    const auto expected = documented_json("decrypt");
    ASSERT_EQ(printed["failures"].size(), 1U);
    for (const auto& [name, value] : expected.items()) {
        EXPECT_EQ(printed[name].type(), value.type()) << name;
    }
    EXPECT_EQ(printed.size(), expected.size());
    EXPECT_EQ(printed["failures"][0]["error"].size(), expected["failures"][0]["error"].size());
    EXPECT_EQ(printed["failures"][0]["error"]["name"], "Malformed");
}

// Its packet has no checksum. What gives it away is behind the end, in the last extent.
TEST_F(Decrypting, WarnsOfDamagedFileKey) {
    const std::size_t fek = 26 + 2 + 14;  // behind the header's fixed part, tag, length, fields
    for (const std::size_t size : {1UL, 4064UL, 4097UL, 5000UL}) {
        auto content = lower_file_of(std::vector<std::uint8_t>(size, 'p'));
        write_lower(fmt::format("sound {}", size), content);
        content[fek] = static_cast<char>(content[fek] ^ 1);
        write_lower(fmt::format("damaged {}", size), content);
    }
    const auto outcome = decrypt();
    EXPECT_EQ(outcome.exit_code, 0) << "nobody can be sure";
    for (const std::size_t size : {1UL, 4064UL, 4097UL, 5000UL}) {
        EXPECT_THAT(outcome.err, HasSubstr(fmt::format(
                                     "/damaged {}: warning: there is noise behind its end", size)));
    }
    EXPECT_THAT(outcome.err, Not(HasSubstr("/sound")));
    const auto alone =
        ctl({"decrypt", lower_ + "/damaged 1", "--output", "-", "--passphrase-file", "-"},
            kCorrectHorsePassphrase);
    EXPECT_THAT(alone.err, HasSubstr("noise behind its end"));
}

// Each would take a thousand bytes of memory or more until the end.
TEST(DecryptRecord, LimitsFailuresInJson) {
    lowerfs::FileKeySet keys(nullptr);
    cli::Progress progress("", 0);
    cli::DecryptRecord record(keys, progress, true);
    ::testing::internal::CaptureStderr();
    for (std::uint64_t i = 0; i < cli::kMostInJson + 3; ++i) {
        record.add_failure(fmt::format("{}", i), {ErrorCode::kNotFound, "gone", ""});
    }
    ::testing::internal::GetCapturedStderr();
    const auto printed = Json::parse(cli::decrypted_json(record.counts()));
    EXPECT_EQ(printed["failures"].size(), cli::kMostInJson);
    EXPECT_EQ(printed["failures"].front()["path"], "0");
    EXPECT_EQ(printed["failures"].back()["path"], fmt::format("{}", cli::kMostInJson + 2));
    EXPECT_EQ(printed["unlisted"]["failures"], 3);
    EXPECT_EQ(printed["unlisted"]["renamed"], 0);
}

TEST(Bars, FillUp) {
    EXPECT_EQ(cli::bar(0, 10, 10), "[          ]   0 %");
    EXPECT_EQ(cli::bar(5, 10, 10), "[=====     ]  50 %");
    EXPECT_EQ(cli::bar(12, 10, 10), "[==========] 100 %");
    EXPECT_EQ(cli::bar(0, 0, 4), "[====] 100 %");
}

}  // namespace
}  // namespace ecryptfs::test
