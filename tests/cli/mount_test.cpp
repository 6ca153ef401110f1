// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl mount and umount, as far as they go without mounting: options, what is remembered,
// what ecryptfs-utils left. tests/vm/mount_verb_test.cpp mounts by the kernel,
// tests/fuse/mount_verb_test.cpp in user space.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "cli/files/whole_file.h"
#include "cli/mount/call.h"
#include "cli/mount/json.h"
#include "cli/mount/mounted_folder.h"
#include "cli/mount/remembered_folder.h"
#include "cli/mount/utils_files.h"
#include "tests/support/command.h"
#include "tests/support/documented_json.h"
#include "tests/support/exit_code.h"
#include "tests/support/files.h"
#include "tests/support/keyrings.h"
#include "tests/support/matchers.h"
#include "tests/support/signatures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kOtherSignature[] = "9d59cdc2eaf8d95e";
constexpr char kNames[] = "e80b89d3427db0d3";

void write_file(const fs::path& path, const std::string& content) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << content;
}

TEST(MountTable, HasEachEcryptfsMountWithItsOptions) {
    const auto mounts = cli::parse_mount_table(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "40 22 0:35 / /home/a\\040b/S rw,nosuid,nodev shared:2 master:1 - ecryptfs /home/.S "
        "rw,ecryptfs_sig=fe3467554552491d,ecryptfs_sig=9d59cdc2eaf8d95e,"
        "ecryptfs_fnek_sig=e80b89d3427db0d3,ecryptfs_cipher=aes,ecryptfs_key_bytes=32,"
        "ecryptfs_passthrough,ecryptfs_unlink_sigs\n"
        "41 22 0:36 / /mnt ro - ecryptfs /srv/x rw,ecryptfs_sig=9d59cdc2eaf8d95e,"
        "ecryptfs_cipher=twofish,ecryptfs_key_bytes=16,ecryptfs_xattr_metadata,"
        "ecryptfs_encrypted_view\n"
        "nonsense\n");
    ASSERT_THAT(mounts, SizeIs(2));
    EXPECT_EQ(mounts[0].upper, "/home/a b/S");
    EXPECT_EQ(mounts[0].lower, "/home/.S");
    EXPECT_THAT(mounts[0].options.keys, ElementsAre(signature(), signature(kOtherSignature)));
    EXPECT_THAT(mounts[0].options.name_keys, ElementsAre(signature(kNames)));
    EXPECT_EQ(mounts[0].options.key_bytes, 32U);
    EXPECT_TRUE(mounts[0].options.passthrough);
    EXPECT_TRUE(mounts[0].options.unlink_keys);
    EXPECT_FALSE(mounts[0].options.read_only);
    EXPECT_TRUE(cli::uses_key(mounts[0], signature(kNames)));

    EXPECT_EQ(mounts[1].options.cipher, "twofish");
    EXPECT_TRUE(mounts[1].options.read_only);
    EXPECT_TRUE(mounts[1].options.xattr);
    EXPECT_TRUE(mounts[1].options.encrypted_view);
    EXPECT_FALSE(mounts[1].options.unlink_keys);
    EXPECT_FALSE(cli::uses_key(mounts[1], signature()));
    EXPECT_EQ(mounts[1].way, cli::MountWay::kKernel);
}

TEST(MountTable, HasEachMountInUserSpaceWithItsOwner) {
    const auto mounts = cli::parse_mount_table(
        "50 22 0:40 / /home/ada/S rw,nosuid,nodev - fuse.ecryptfs-fuse /home/ada/.a\\040b "
        "rw,user_id=1000,group_id=1001,allow_other\n"
        "51 22 0:41 / /mnt ro - fuse.ecryptfs-fuse /l rw,group_id=0\n"
        "52 22 0:42 / /x rw - fuse.sshfs host: rw,user_id=1000\n"
        "53 22 0:43 / /y rw - fuse ecryptfs-fuse rw,user_id=1000\n");
    ASSERT_THAT(mounts, SizeIs(2));
    EXPECT_EQ(mounts[0].lower, "/home/ada/.a b");
    EXPECT_EQ(mounts[0].upper, "/home/ada/S");
    EXPECT_EQ(mounts[0].way, cli::MountWay::kUserSpace);
    EXPECT_EQ(mounts[0].owner, 1000U);
    EXPECT_FALSE(mounts[0].options.read_only);
    EXPECT_EQ(mounts[1].owner, std::nullopt);
    EXPECT_TRUE(mounts[1].options.read_only);
}

std::string command_line(const Arguments& words) {
    std::string line;
    for (const auto& word : words) {
        line += word + '\0';
    }
    return line;
}

TEST(FuseCommand, SaysHowAFolderIsMounted) {
    const auto mount = cli::parse_fuse_command(
        command_line({"/usr/bin/ecryptfs-fuse", "/l", "/u", "-o",
                      "ecryptfs_sig=fe3467554552491d,ecryptfs_unlink_sigs", "-f", "-oro"}));
    ASSERT_TRUE(mount);
    EXPECT_EQ(mount->lower, "/l");
    EXPECT_EQ(mount->upper, "/u");
    EXPECT_THAT(mount->options.keys, ElementsAre(signature()));
    EXPECT_TRUE(mount->options.unlink_keys && mount->options.read_only);
    EXPECT_FALSE(
        cli::parse_fuse_command(command_line({"ecryptfs-fuse", "/l", "/u"}))->options.unlink_keys);
    const auto short_names = cli::parse_fuse_command(
        command_line({"ecryptfs-fuse", "/l", "/u", "-o",
                      "key=fe3467554552491d,name_key=241defdd14eab0c2,cipher=blowfish,"
                      "key_bytes=32,allow_other"}));
    EXPECT_EQ(cli::kernel_options(short_names->options),
              "ecryptfs_sig=fe3467554552491d,ecryptfs_fnek_sig=241defdd14eab0c2,"
              "ecryptfs_cipher=blowfish,ecryptfs_key_bytes=32");
    for (const Arguments& other : {Arguments{},
                                   {"ecryptfs-fuse"},
                                   {"ecryptfs-fuse", "/l"},
                                   {"/bin/sh", "/l", "/u"},
                                   {"ecryptfs-fuse", "/l", "/u", "/x"}}) {
        EXPECT_FALSE(cli::parse_fuse_command(command_line(other)));
    }
}

// As of a process that ends meanwhile.
TEST(SystemFile, ErrorOfReadingGivesNoText) {
    EXPECT_EQ(cli::read_system_file("/"), "");
}

TEST(MountOptions, AreWhatTheKernelShowsAgain) {
    const cli::FolderOptions options{.keys = {signature(), signature(kOtherSignature)},
                                     .name_keys = {signature(kNames)},
                                     .key_bytes = 24,
                                     .xattr = true,
                                     .passthrough = true};
    const auto text = cli::kernel_options(options);
    EXPECT_EQ(text,
              "ecryptfs_sig=fe3467554552491d,ecryptfs_sig=9d59cdc2eaf8d95e,"
              "ecryptfs_fnek_sig=e80b89d3427db0d3,ecryptfs_cipher=aes,ecryptfs_key_bytes=24,"
              "ecryptfs_xattr_metadata,ecryptfs_passthrough,ecryptfs_unlink_sigs");
    const auto mounts = cli::parse_mount_table("1 1 0:1 / /u rw - ecryptfs /l rw," + text + "\n");
    EXPECT_EQ(cli::kernel_options(mounts.at(0).options), text);
}

TEST(MountOptions, MakeALineForFstab) {
    const cli::FolderOptions options{
        .keys = {signature()}, .read_only = true, .unlink_keys = false};
    EXPECT_EQ(cli::fstab_line("/home/a b/#x", "/u", options, cli::MountWay::kKernel),
              "/home/a\\040b/\\043x /u ecryptfs noauto,nosuid,nodev,ro,"
              "ecryptfs_sig=fe3467554552491d,ecryptfs_cipher=aes,ecryptfs_key_bytes=16 0 0");
    EXPECT_EQ(cli::fstab_line("/l", "/u", options, cli::MountWay::kUserSpace),
              "/l /u fuse.ecryptfs-fuse noauto,user,nosuid,nodev,ro,"
              "ecryptfs_sig=fe3467554552491d,ecryptfs_cipher=aes,ecryptfs_key_bytes=16 0 0");
    EXPECT_EQ(cli::unescaped_field("/home/a\\040b/\\043x\\9"), "/home/a b/#x\\9");
}

TEST(UtilsFiles, TheGeneralOptionsAreRead) {
    const auto read = cli::parse_ecryptfsrc(
        "# mine\nkey=passphrase:passphrase_passwd=geheim,ecryptfs_cipher=twofish\n"
        "ecryptfs_key_bytes=32, ecryptfs_passthrough=n\n ecryptfs_sig=fe3467554552491d\n"
        "ecryptfs_fnek_sig=e80b89d3427db0d3\necryptfs_xattr_metadata\n");
    EXPECT_THAT(read.problems, IsEmpty());
    EXPECT_EQ(read.options.cipher, "twofish");
    EXPECT_EQ(read.options.key_bytes, 32U);
    EXPECT_FALSE(read.options.passthrough);
    EXPECT_TRUE(read.options.xattr);
    EXPECT_THAT(read.options.keys, ElementsAre(signature()));
    EXPECT_THAT(read.options.name_keys, ElementsAre(signature(kNames)));

    EXPECT_THAT(cli::parse_ecryptfsrc("ecryptfs_fnek_sig=e80b89d3427db0d3\n"
                                      "ecryptfs_enable_filename_crypto=n\n")
                    .options.name_keys,
                IsEmpty());
    EXPECT_THAT(cli::parse_ecryptfsrc("ecryptfs_key_bytes=x,ecryptfs_sig=zz").problems,
                ElementsAre(HasSubstr("ecryptfs_key_bytes"), HasSubstr("ecryptfs_sig")));
}

class Home : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::create_directories(path("lower"));
        fs::create_directories(path("upper"));
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    Outcome ctl(const Arguments& arguments) const {
        return run(
            {ECRYPTFSCTL, arguments, {{"HOME", folder_.path().string()}, {"XDG_CONFIG_HOME", ""}}});
    }
    std::string printed_options(Arguments arguments) const {
        arguments.insert(arguments.begin(), "mount");
        arguments.emplace_back("--print-options");
        const auto outcome = ctl(arguments);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        return outcome.out;
    }

    TemporaryFolder folder_;
};

TEST_F(Home, APrivateFolderOfEcryptfsUtilsIsKnown) {
    write_file(path(".ecryptfs/Private.mnt"), path("upper") + "\n");
    write_file(path(".ecryptfs/Private.sig"), "fe3467554552491d\ne80b89d3427db0d3\n");
    EXPECT_FALSE(cli::utils_folder(path(""), path("lower")).value());
    fs::create_directory_symlink(path("lower"), path(".Private"));
    const auto found = cli::utils_folder(path(""), fs::canonical(path("lower"))).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->upper, path("upper"));
    EXPECT_EQ(printed_options({path(".Private")}),
              "nosuid,nodev,ecryptfs_sig=fe3467554552491d,ecryptfs_fnek_sig=e80b89d3427db0d3,"
              "ecryptfs_cipher=aes,ecryptfs_key_bytes=16,ecryptfs_unlink_sigs\n");
}

// Each line of Private.sig has a role: none takes the place of one that is wrong.
TEST_F(Home, AWrongLineOfAPrivateFolderIsNamedAndNotLeftOut) {
    write_file(path(".ecryptfs/Private.mnt"), path("upper") + "\n");
    fs::create_directory_symlink(path("lower"), path(".Private"));
    const auto expect_refusal = [&](const std::string& file, const std::string& line) {
        const auto outcome = ctl({"mount", path(".Private"), "--print-options"});
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed)) << outcome.out;
        EXPECT_THAT(outcome.err, AllOf(HasSubstr(path(".ecryptfs/" + file) + ": " + line),
                                       HasSubstr("--fresh --key")));
    };
    for (const char* wrong : {"FE3467554552491D", "fe3467554552491", "[fe3467554552491d]", "",
                              "\xef\xbb\xbf"
                              "fe3467554552491d",
                              "fe3467554552491d # mine"}) {
        write_file(path(".ecryptfs/Private.sig"), fmt::format("{}\n{}\n", wrong, kNames));
        expect_refusal("Private.sig", "line 1: ");
        write_file(path(".ecryptfs/Private.sig"),
                   fmt::format("{}\n{}\n{}\n", kSignature, wrong, kNames));
        expect_refusal("Private.sig", "line 2: ");
    }
    write_file(path(".ecryptfs/Private.sig"), fmt::format(" {}\r\n\r\n\n", kSignature));
    EXPECT_THAT(printed_options({path(".Private")}), Not(HasSubstr("fnek")));
    write_file(path(".ecryptfs/Private.mnt"), "Private\n");
    expect_refusal("Private.mnt", "line 1: ");
}

TEST_F(Home, AWrongOptionInAFileOfEcryptfsUtilsIsNamedAndNotLeftOut) {
    const Arguments mount = {"mount", path("lower"), path("upper"), "--print-options"};
    write_file(path(".ecryptfsrc"), "# mine, ecryptfs_sig=zz\necryptfs_key_bytes=3z\n");
    EXPECT_THAT(ctl(mount).err, HasSubstr(path(".ecryptfsrc: line 2: ecryptfs_key_bytes: ")));
    write_file(path(".ecryptfsrc"), "ecryptfs_passthrough=perhaps");
    EXPECT_THAT(ctl(mount).err, HasSubstr("line 1: ecryptfs_passthrough: "));
    write_file(path(".ecryptfsrc"), fmt::format("ecryptfs_sig={}\necryptfs_fnek_sig={}\n"
                                                "ecryptfs_enable_filename_crypto=no\n",
                                                kSignature, kNames));
    EXPECT_THAT(printed_options({path("lower"), path("upper")}), Not(HasSubstr("fnek")));

    const auto conf = [&](const std::string& lower) {
        return lower + " " + path("upper") + " ecryptfs ecryptfs_sig=zz\n";
    };
    write_file(path(".ecryptfs/work.conf"), conf(path("elsewhere")));
    EXPECT_THAT(printed_options({path("lower"), path("upper")}), HasSubstr(kSignature))
        << "of another folder";
    write_file(path(".ecryptfs/work.conf"), conf(path("lower")));
    EXPECT_THAT(ctl(mount).err, HasSubstr(path(".ecryptfs/work.conf: line 1: ecryptfs_sig: ")));
}

// Of whoever may write in a home, and read by a process that works for it.
TEST_F(Home, FilesThatNeverEndOrNeverBeginAreRefused) {
    const Arguments mount = {"mount", path("lower"), path("upper"), "--print-options"};
    fs::create_directory_symlink(path("lower"), path(".Private"));
    const std::vector<std::string> files = {path(".config/ecryptfs-agent/folders.json"),
                                            path(".ecryptfs/a.conf"), path(".ecryptfs/Private.sig"),
                                            path(".ecryptfsrc")};
    for (const auto& file : files) {
        fs::create_directories(fs::path(file).parent_path());
        ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
        EXPECT_THAT(ctl(mount).err, HasSubstr(file + " is not a regular file"));
        fs::remove(file);
        fs::create_symlink("/dev/zero", file);
        EXPECT_THAT(ctl(mount).err, HasSubstr(file + " is not a regular file"));
        fs::remove(file);
        write_file(file, "");
        fs::resize_file(file, 4'000'000'000);
        EXPECT_THAT(ctl(mount).err, HasSubstr(file + " is larger than 1 MiB"));
        fs::remove(file);
    }
    ASSERT_EQ(::mkfifo(path(".ecryptfs/sig-cache.txt").c_str(), 0600), 0);
    EXPECT_EQ(ctl(mount).exit_code, exit_code(ErrorCode::kUnknownKey));
}

TEST_F(Home, WhatIsRememberedIsNotOverwrittenWhereItCannotBeRead) {
    const auto memory = cli::remembered_folders_path(path(""));
    const cli::RememberedFolder folder{
        .lower = "/l", .upper = "/u", .options = {.keys = {signature()}}};
    ASSERT_THAT(cli::remember(memory, folder), Succeeds());
    fs::remove(memory);
    fs::create_symlink(memory, memory);
    EXPECT_THAT(cli::remember(memory, folder), FailsWith(ErrorCode::kInternal, memory));
    EXPECT_TRUE(fs::is_symlink(memory)) << "only a file that is not there holds nothing";
}

TEST_F(Home, AFolderOfAConfFileIsKnown) {
    write_file(path(".ecryptfs/work.conf"),
               "# comment\n" + path("lower") + " " + path("upper") +
                   " ecryptfs ecryptfs_cipher=aes,ecryptfs_key_bytes=24\n");
    write_file(path(".ecryptfs/work.sig"), "9d59cdc2eaf8d95e\n");
    EXPECT_EQ(printed_options({path("lower")}),
              "nosuid,nodev,ecryptfs_sig=9d59cdc2eaf8d95e,ecryptfs_cipher=aes,"
              "ecryptfs_key_bytes=24,ecryptfs_unlink_sigs\n");
    EXPECT_THAT(
        printed_options({path("lower"), "--key", kSignature, "--recovery", kOtherSignature}),
        HasSubstr("ecryptfs_sig=fe3467554552491d,ecryptfs_sig=9d59cdc2eaf8d95e,"));
}

TEST_F(Home, WhatIsRememberedComesFirstAndTheArgumentsBeforeIt) {
    write_file(path(".ecryptfsrc"), "ecryptfs_sig=e80b89d3427db0d3");
    EXPECT_THAT(printed_options({path("lower"), path("upper")}), HasSubstr(kNames));
    const auto memory = cli::remembered_folders_path(path(""));
    const cli::RememberedFolder folder{
        .lower = fs::canonical(path("lower")),
        .upper = path("upper"),
        .options = {.keys = {signature(), signature(kOtherSignature)}, .xattr = true},
        .recovery = {signature(kOtherSignature)},
        .locators = {{signature(), "file:///k.pem"}}};
    ASSERT_THAT(cli::remember(memory, folder), Succeeds());
    ASSERT_THAT(cli::remember(memory, folder), Succeeds()) << "in its place";
    EXPECT_THAT(cli::parse_remembered(content_of(memory)).value(), SizeIs(1));

    EXPECT_EQ(printed_options({path("lower")}),
              "nosuid,nodev,ecryptfs_sig=fe3467554552491d,ecryptfs_sig=9d59cdc2eaf8d95e,"
              "ecryptfs_cipher=aes,ecryptfs_key_bytes=16,ecryptfs_xattr_metadata,"
              "ecryptfs_unlink_sigs\n");
    EXPECT_THAT(printed_options({path("lower"), "--key", kNames}),
                AllOf(HasSubstr(kNames), HasSubstr(kOtherSignature), Not(HasSubstr(kSignature))))
        << "the recovery key stays";
    EXPECT_EQ(printed_options({path("lower"), path("upper"), "--fresh", "--key", kSignature,
                               "--cipher", "des3_ede", "--keep-keys", "--read-only"}),
              "nosuid,nodev,ro,ecryptfs_sig=fe3467554552491d,ecryptfs_cipher=des3_ede,"
              "ecryptfs_key_bytes=24\n");
    const auto line = ctl({"mount", path("lower"), "--print-fstab"});
    EXPECT_THAT(line.out,
                AllOf(HasSubstr(" fuse.ecryptfs-fuse noauto,user,"), HasSubstr(" 0 0\n")));
    const auto kernels = ctl({"mount", path("upper"), "--print-fstab", "--kernel"});
    EXPECT_THAT(kernels.out, AllOf(StartsWith(path("lower") + " " + path("upper")),
                                   HasSubstr(" ecryptfs noauto,nosuid")))
        << "the upper folder may stand alone";
}

TEST_F(Home, AFolderWhoseNameIsNotUtf8IsNotRememberedUnderAnotherName) {
    const auto memory = cli::remembered_folders_path(path(""));
    const cli::FolderOptions options{.keys = {signature()}};
    const cli::RememberedFolder good{.lower = "/schlüssel", .upper = "/u", .options = options};
    ASSERT_THAT(cli::remember(memory, good), Succeeds());
    const auto before = content_of(memory);
    EXPECT_THAT(cli::remember(memory, {.lower = "/l\xff", .upper = "/u", .options = options}),
                FailsWith(ErrorCode::kNotSupported, "is not UTF-8"));
    EXPECT_THAT(cli::remember(memory, {.lower = "/l", .upper = "/\xfc", .options = options}),
                FailsWith(ErrorCode::kNotSupported, "is not UTF-8"));
    EXPECT_EQ(content_of(memory), before);
}

TEST_F(Home, DamagedMemoryIsNamed) {
    const auto folder = [](const std::string& cipher, const std::string& key_bytes) {
        return fmt::format(R"({{"folders": [{{"lower": "/l", "upper": "/u", "recovery": [],
            "keys": ["fe3467554552491d"], "name_keys": ["e80b89d3427db0d3"], "cipher": {},
            "key_bytes": {}, "xattr": false, "passthrough": false, "unlink_keys": true,
            "locators": {{}}}}]}})",
                           cipher, key_bytes);
    };
    EXPECT_TRUE(cli::parse_remembered(folder("\"aes\"", "16")));
    EXPECT_EQ(cli::parse_remembered(folder("\"aes\"", "16"))->at(0).way, cli::MountWay::kKernel)
        << "of before there was another way";
    EXPECT_FALSE(cli::parse_remembered(folder("\"aes\"", "16,\"kernel\":1")));
    EXPECT_EQ(cli::parse_remembered(folder("\"aes\"", "16,\"kernel\":false"))->at(0).way,
              cli::MountWay::kUserSpace);
    EXPECT_FALSE(cli::parse_remembered(folder("\"aes\"", "-1e300")));
    EXPECT_THAT(cli::parse_remembered(folder("5", "16")),
                FailsWith(ErrorCode::kMalformed, "folder 1: "));
    EXPECT_THAT(cli::parse_remembered("{\"folders\": [\n}"),
                FailsWith(ErrorCode::kMalformed, "line 2"));
    const auto relative = folder("\"aes\"", "16").replace(folder("", "").find("/u"), 2, "u");
    EXPECT_THAT(cli::parse_remembered(relative),
                FailsWith(ErrorCode::kMalformed, "\"u\" is not an absolute path"));
    write_file(cli::remembered_folders_path(path("")), "{\"folders\": [{}]}");
    const auto outcome = ctl({"mount", path("lower"), path("upper"), "--print-options"});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kMalformed));
    EXPECT_THAT(outcome.err, HasSubstr("folders.json"));
}

TEST_F(Home, MountSaysWhatCannotBe) {
    struct Case {
        Arguments arguments;
        ErrorCode code;
        std::string said;
    };
    write_file(path(".ecryptfs/sig-cache.txt"), "9d59cdc2eaf8d95e\n");
    write_file(path("file"), "");
    const std::vector<Case> cases = {
        {{path("none")}, ErrorCode::kNotFound, "mkdir -p"},
        {{path("file"), path("upper")}, ErrorCode::kInvalidArgument, "is not a directory"},
        {{path("lower")}, ErrorCode::kInvalidArgument, "nothing says where"},
        {{path("lower"), path("upper")}, ErrorCode::kUnknownKey, "used before were: 9d59cdc2"},
        {{path("lower"), path("upper"), "--key", "xyz"}, ErrorCode::kInvalidArgument, "xyz"},
        {{path("lower"), path("upper"), "--key", kSignature, "--recovery", kSignature},
         ErrorCode::kInvalidArgument,
         "the key and the recovery key"},
        {{path("lower"), path("upper"), "--key", kSignature, "--cipher", "rot13"},
         ErrorCode::kInvalidArgument,
         "no cipher rot13"},
        {{path("lower"), path("upper"), "--key", kSignature, "--key-bytes", "17"},
         ErrorCode::kInvalidArgument,
         "try: --key-bytes 16, 24, 32"},
        {{path("lower"), path("upper"), "--key", kSignature, "--user", "nobody-of-that-name",
          "--json"},
         ErrorCode::kNotFound,
         "there is no user"}};
    for (const auto& [arguments, code, said] : cases) {
        Arguments all = {"mount"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        if (all.back() != "--json") {
            all.emplace_back("--print-options");
        }
        const auto outcome = ctl(all);
        EXPECT_EQ(outcome.exit_code, exit_code(code)) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr(said));
        EXPECT_THAT(outcome.err, HasSubstr("\ntry: "));
        EXPECT_THAT(outcome.out, IsEmpty());
    }
}

TEST_F(Home, UnmountSaysThatNothingIsMounted) {
    const auto outcome = ctl({"umount", path("upper")});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kNotFound));
    EXPECT_THAT(outcome.err, HasSubstr("ecryptfsctl status"));
}

// As far as the kernel's own refusal, which is last.
class MountChecks : public Home {
  protected:
    void SetUp() override {
        Home::SetUp();
        make_login_keyrings();
        keys_ = add_passphrase(kCorrectHorsePassphrase);
        other_keys_ = add_passphrase(kBatteryStaple);
    }

    struct Keys {
        std::string contents;
        std::string names;
    };
    Keys add_passphrase(const std::string& passphrase) const {
        const auto printed =
            run({ECRYPTFSCTL, {"add-passphrase", "--fnek", "--passphrase-file", "-"}}, passphrase)
                .out;
        return {printed.substr(0, 16), printed.substr(17, 16)};
    }
    // Whether it gets as far as the kernel; else the message and advice.
    std::string objection(const Arguments& options) const {
        Arguments arguments = {"mount", "--kernel", path("lower"), path("upper")};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const auto outcome = ctl(arguments);
        const bool asked = outcome.err.contains("mounting ") || outcome.err.contains("only root");
        EXPECT_NE(outcome.exit_code, 0);
        EXPECT_TRUE(asked || outcome.exit_code == exit_code(ErrorCode::kInvalidArgument))
            << outcome.err;
        return asked ? "" : outcome.err;
    }

    Keys keys_;
    Keys other_keys_;
};

TEST_F(MountChecks, EncryptedFilesUnderPlainNamesWouldNotBeFoundWithAKeyForNames) {
    unpack_vector("pass-aes16.lower", path("lower"));
    EXPECT_EQ(objection({"--key", keys_.contents}), "");
    const Arguments with_names = {"--key", keys_.contents, "--fnek", keys_.names};
    EXPECT_THAT(objection(with_names), AllOf(HasSubstr("the name of " + path("lower/")),
                                             HasSubstr("leave --fnek out"), HasSubstr("--force")));
    for (const char* meant : {"--force", "--encrypted-view"}) {
        auto options = with_names;
        options.emplace_back(meant);
        EXPECT_EQ(objection(options), "") << meant;
    }
}

TEST_F(MountChecks, NamesOfAnotherKeyWouldNotBeFound) {
    unpack_vector("pass-aes32-fnek.lower", path("lower"));
    const Arguments options = {"--key", other_keys_.contents, "--key-bytes", "32", "--fnek"};
    const auto with = [&](Arguments more) {
        more.insert(more.begin(), options.begin(), options.end());
        return objection(more);
    };
    EXPECT_EQ(with({other_keys_.names}), "");
    EXPECT_THAT(with({keys_.names}), AllOf(HasSubstr("encrypted with another key"),
                                           HasSubstr("--fnek " + other_keys_.names)));
    EXPECT_EQ(with({keys_.names, "--force"}), "");
    EXPECT_EQ(with({keys_.names, "--encrypted-view"}), "");
}

TEST_F(MountChecks, AreDoneAgainOfARememberedFolderThatIsMountedInAnotherWay) {
    unpack_vector("pass-aes32-fnek.lower", path("lower"));
    const cli::RememberedFolder folder{.lower = fs::canonical(path("lower")),
                                       .upper = path("upper"),
                                       .options = {.keys = {signature(other_keys_.contents)},
                                                   .name_keys = {signature(other_keys_.names)},
                                                   .key_bytes = 32}};
    ASSERT_THAT(cli::remember(cli::remembered_folders_path(path("")), folder), Succeeds());
    EXPECT_EQ(objection({}), "");
    EXPECT_THAT(objection({"--fnek", keys_.names}), HasSubstr("encrypted with another key"));
    EXPECT_THAT(objection({"--cipher", "twofish"}), HasSubstr("encrypted with aes of 256 bits"));
    EXPECT_THAT(objection({"--key-bytes", "16"}), HasSubstr("encrypted with aes of 256 bits"));
}

TEST(MountErrors, AreInWordsWithAWayOut) {
    for (const int number :
         {EPERM, ENODEV, ENOKEY, EKEYEXPIRED, EKEYREVOKED, EINVAL, EBUSY, ENOENT, ENOTDIR, EIO}) {
        const auto error = cli::mount_error(number, "/l", "/u", "it says");
        EXPECT_THAT(error.message, HasSubstr("mounting /l on /u"));
        EXPECT_THAT(error.advice, Not(IsEmpty())) << number;
    }
    EXPECT_THAT(cli::mount_error(EINVAL, "/l", "/u", "it says").message,
                HasSubstr("the kernel: it says"));
}

TEST(MountRefusals, AreInWordsWithAWayOut) {
    using enum mount::Verdict;
    const cli::FolderPair folders{"/l", "/u"};
    for (auto verdict = static_cast<std::uint8_t>(kBadRequest);
         verdict <= static_cast<std::uint8_t>(kLowerUnreadable); ++verdict) {
        const auto error =
            cli::refusal_error({static_cast<mount::Verdict>(verdict), EACCES, 0}, folders, "ada");
        EXPECT_THAT(error.message, Not(IsEmpty())) << int{verdict};
    }
    const auto roots = cli::refusal_error({kUpperOfAnother, 0, 0}, folders, "ada");
    EXPECT_EQ(roots.message, "/u belongs to root, and not to ada");
    EXPECT_EQ(roots.advice, "name a folder that belongs to ada") << "/u may be /root";
    EXPECT_EQ(cli::refusal_error({kUpperOfAnother, 0, 4242424}, folders, "ada").advice,
              "name a folder that belongs to ada")
        << "--user knows no such user";
    const auto fuse = cli::refusal_error({kLowerUnreadable, EACCES}, folders, "ada");
    EXPECT_EQ(fuse.code, ErrorCode::kAccessDenied);
    EXPECT_EQ(fuse.message, "finding the owner of /l: Permission denied");
    EXPECT_THAT(fuse.advice, HasSubstr("-o allow_other"));
    const auto file = cli::refusal_error({kNotAFolder}, folders, "ada");
    EXPECT_EQ(file.message, "/l or /u is not a directory");
    const auto others = cli::refusal_error({kLowerOfAnother, 0, 65534}, folders, "ada");
    EXPECT_EQ(others.code, ErrorCode::kAccessDenied);
    EXPECT_THAT(others.message, HasSubstr("/l belongs to nobody"));
    EXPECT_THAT(others.advice, HasSubstr("--user nobody"));
}

// As root of a user namespace: a user who cannot be found is not root instead.
TEST_F(Home, WhoCalledSudoMustBeAUserOfThisMachine) {
    const Arguments command = {"-Ur",         ECRYPTFSCTL, "mount",    path("lower"),
                               path("upper"), "--key",     kSignature, "--print-options"};
    const auto as_root = [&](const std::string& id) {
        return run({"/usr/bin/unshare", command, {{"HOME", path("")}, {"SUDO_UID", id}}});
    };
    EXPECT_EQ(as_root("0").exit_code, 0) << as_root("0").err;
    const auto unknown = as_root("4242424");
    EXPECT_EQ(unknown.exit_code, exit_code(ErrorCode::kNotFound)) << unknown.out;
    EXPECT_THAT(unknown.err,
                HasSubstr("the caller of sudo, 4242424, is not a user here\ntry: say"));
    for (const char* id : {"", "ada", "-1", "1000 "}) {
        const auto outcome = as_root(id);
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kInvalidArgument)) << outcome.out;
        EXPECT_THAT(outcome.err, HasSubstr("--user USER"));
    }
}

// As sudo -E passes them on. What is remembered there is damaged, which is said where it is read.
TEST_F(Home, RootReadsNoFilesByVariablesOfWhoCalledSudo) {
    write_file(path(".config/ecryptfs-agent/folders.json"), "damaged");
    const Arguments command = {"-Ur",         ECRYPTFSCTL, "mount",    path("lower"),
                               path("upper"), "--key",     kSignature, "--print-options",
                               "--user",      "root"};
    const auto as_root = [&](Environment environment) {
        return run({"/usr/bin/unshare", command, environment}).err;
    };
    const std::pair<std::string, std::string> home = {"HOME", path("")};
    const std::pair<std::string, std::string> config = {"XDG_CONFIG_HOME", path(".config")};
    EXPECT_THAT(as_root({home}), HasSubstr("folders.json")) << "root's own";
    EXPECT_THAT(as_root({home, {"SUDO_UID", "0"}}), HasSubstr("folders.json"));
    for (const char* id : {"1234", "-1"}) {
        EXPECT_THAT(as_root({home, {"SUDO_UID", id}}), Not(HasSubstr(path(""))));
        EXPECT_THAT(as_root({home, config, {"SUDO_UID", id}}), Not(HasSubstr(path(""))));
    }
}

TEST(MountJson, IsAsDocumented) {
    cli::MountPlan plan{.folder = {.lower = "/home/ada/.Secret",
                                   .upper = "/home/ada/Secret",
                                   .options = {.keys = {signature()}},
                                   .way = cli::MountWay::kUserSpace},
                        .keys_source = "arguments"};
    EXPECT_EQ(nlohmann::ordered_json::parse(cli::mounted_json(plan, {})), documented_json("mount"));
    const cli::MountedFolder mounted{plan.folder.lower, plan.folder.upper, plan.options(), 0,
                                     cli::MountWay::kUserSpace};
    EXPECT_EQ(nlohmann::ordered_json::parse(cli::unmounted_json(mounted, std::vector{signature()})),
              documented_json("umount"));
}

}  // namespace
}  // namespace ecryptfs::test
