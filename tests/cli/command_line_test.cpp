// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/input/typed_signature.h"
#include "cli/verbs/add_key.h"
#include "cli/verbs/add_passphrase.h"
#include "cli/verbs/decrypt.h"
#include "cli/verbs/generate_key.h"
#include "cli/verbs/inspect.h"
#include "cli/verbs/list_keys.h"
#include "cli/verbs/lock.h"
#include "cli/verbs/remove_key.h"
#include "cli/verbs/rewrap_passphrase.h"
#include "cli/verbs/status.h"
#include "cli/verbs/suggest.h"
#include "cli/verbs/unlock.h"
#include "cli/verbs/unwrap_passphrase.h"
#include "cli/verbs/wrap_passphrase.h"
#include "tests/support/matchers.h"
#include "tests/support/signatures.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using cli::parse_command_line;
using Arguments = std::vector<std::string>;
using ::testing::HasSubstr;

// What a verb's own options are after these arguments, the first of which is its name.
template <typename Options>
Options parsed(Arguments arguments) {
    EXPECT_EQ(arguments.front(), Options::kText.name);
    Options options;
    CLI::App parser;
    add_options(parser, options);
    std::reverse(arguments.begin(), arguments.end());
    arguments.pop_back();
    try {
        parser.parse(arguments);
    } catch (const CLI::Error& error) {
        ADD_FAILURE() << error.what();
    }
    return options;
}

std::string text_of_help(Arguments arguments) {
    const auto line = parse_command_line(std::move(arguments));
    EXPECT_TRUE(line && !line->run);
    return line ? line->text : line.error().message;
}

TEST(CommandLine, ParsesOptionsOfAddKey) {
    const auto command = parsed<cli::AddKeyOptions>(
        {"add-key", "--module", "tpm2", "--passphrase-file", "-", "--keyring", "session",
         "--timeout", "3600", "--json", "/key.pem"});
    EXPECT_EQ(command.uri, "/key.pem");
    EXPECT_EQ(command.module, "tpm2");
    EXPECT_EQ(command.passphrase_file, "-");
    EXPECT_EQ(command.place.place().keyring, keyring::Keyring::kSession);
    EXPECT_EQ(command.place.place().timeout, std::chrono::hours(1));
    EXPECT_TRUE(command.json);
}

TEST(CommandLine, DefaultsToUserKeyringWithoutTimeout) {
    const auto command = parsed<cli::AddKeyOptions>({"add-key", "k"});
    EXPECT_EQ(command.place.place().keyring, keyring::Keyring::kUser);
    EXPECT_EQ(command.place.place().timeout, std::nullopt);
    EXPECT_FALSE(command.json);
}

TEST(CommandLine, ParsesOtherVerbs) {
    EXPECT_TRUE(parsed<cli::ListKeysOptions>({"list-keys", "--json"}).json);
    EXPECT_EQ(parsed<cli::RemoveKeyOptions>({"remove-key", kSignature}).signature, kSignature);
    EXPECT_EQ(parsed<cli::LockOptions>({"lock"}).key, std::nullopt);
    EXPECT_EQ(parsed<cli::LockOptions>({"lock", kSignature}).key, kSignature);
    EXPECT_EQ(
        parsed<cli::UnlockOptions>({"unlock", kSignature, "--passphrase-file=p"}).passphrase_file,
        "p");
    EXPECT_TRUE(parsed<cli::StatusOptions>({"status", "--json"}).json);
}

TEST(CommandLine, ParsesOptionsOfDecrypt) {
    const auto command = parsed<cli::DecryptOptions>({"decrypt",
                                                      "--key",
                                                      "a.pem",
                                                      "lower",
                                                      "--key",
                                                      "b.pem",
                                                      "--key-passphrase-file",
                                                      "ap",
                                                      "more",
                                                      "--output",
                                                      "out",
                                                      "--passphrase",
                                                      "--passphrase-file",
                                                      "m",
                                                      "--wrapped",
                                                      "w",
                                                      "--wrapping-passphrase-file",
                                                      "-",
                                                      "--wrapped",
                                                      "v",
                                                      "--salt",
                                                      "0011223344556677",
                                                      "--module-dir",
                                                      "/m",
                                                      "--pki-host",
                                                      "/h",
                                                      "--json"});
    EXPECT_EQ(command.lower, (std::vector<std::string>{"lower", "more"}));
    EXPECT_EQ(command.keys, (std::vector<std::string>{"a.pem", "b.pem"}));
    EXPECT_EQ(command.key_passphrase_files, std::vector<std::string>{"ap"});
    EXPECT_EQ(command.output, "out");
    const auto& passphrases = command.passphrases;
    EXPECT_EQ(passphrases.passphrase_files, std::vector<std::string>{"m"});
    EXPECT_TRUE(passphrases.passphrase);
    EXPECT_EQ(passphrases.wrapped, (std::vector<std::string>{"w", "v"}));
    EXPECT_EQ(passphrases.wrapping_files, std::vector<std::string>{"-"});
    EXPECT_EQ(passphrases.salt, "0011223344556677");
    EXPECT_EQ(command.paths.module_folder, "/m");
    EXPECT_EQ(command.paths.host_program, "/h");
    EXPECT_TRUE(command.json);
}

TEST(CommandLine, ParsesPassphraseVerbs) {
    const auto add = parsed<cli::AddPassphraseOptions>(
        {"add-passphrase", "--fnek", "--wrapped", "w", "--keyring", "session", "--timeout", "60"});
    EXPECT_TRUE(add.fnek);
    EXPECT_EQ(add.wrapped, "w");
    EXPECT_EQ(add.place.place().keyring, keyring::Keyring::kSession);
    EXPECT_EQ(add.place.place().timeout, std::chrono::minutes(1));
    EXPECT_EQ(parsed<cli::WrapPassphraseOptions>({"wrap-passphrase", "w"}).file, "w");
    EXPECT_EQ(parsed<cli::UnwrapPassphraseOptions>({"unwrap-passphrase", "w"}).file, "w");
    EXPECT_TRUE(
        parsed<cli::RewrapPassphraseOptions>({"rewrap-passphrase", "--upgrade", "w"}).upgrade);
    EXPECT_TRUE(parsed<cli::InspectOptions>({"inspect", "--all", "a", "b"}).all);
}

TEST(CommandLine, FileNamesMayLookLikeOptions) {
    EXPECT_EQ(parsed<cli::AddKeyOptions>({"add-key", "--", "--key.pem"}).uri, "--key.pem");
}

TEST(CommandLine, FileNamesMayLookLikeLists) {
    for (const auto& [typed, path] :
         std::vector<std::pair<std::string, std::string>>{{"[Backup]", "./[Backup]: "},
                                                          {"[a,b]", "./[a,b]: "},
                                                          {"a,b", "a,b: "},
                                                          {"[c", "[c: "}}) {
        const auto line = parse_command_line({"inspect", typed});
        ASSERT_TRUE(line) << typed;
        EXPECT_THAT(line->run(), FailsWith(ErrorCode::kNotFound, path));
    }
}

TEST(CommandLine, AddedKeyMayHaveTimeout) {
    const auto added = parsed<cli::GenerateKeyOptions>(
        {"generate-key", "openssl", "k.pem", "--add", "--timeout", "60"});
    EXPECT_EQ(added.place.place().timeout, std::chrono::minutes(1));
}

TEST(CommandLine, ShowsVersionAndHelp) {
    EXPECT_THAT(text_of_help({"--version"}), HasSubstr("ecryptfsctl "));
    EXPECT_THAT(text_of_help({"--help"}), HasSubstr("Examples:"));
}

TEST(CommandLine, ShowsExampleForEachVerb) {
    for (const char* verb : {"add-key", "list-keys", "remove-key", "lock", "unlock", "status"}) {
        const auto help = text_of_help({verb, "--help"});
        EXPECT_THAT(help, HasSubstr(std::string("Usage: ecryptfsctl ") + verb));
        EXPECT_THAT(help, HasSubstr("Example:\n"));
        EXPECT_THAT(help, HasSubstr(std::string("ecryptfsctl ") + verb));
        EXPECT_THAT(text_of_help({"--help"}), HasSubstr(std::string("  ecryptfsctl ") + verb));
    }
}

TEST(TypedSignature, MayBeInUpperCase) {
    EXPECT_EQ(cli::typed_signature("FE3467554552491D").value_or(signature("0000000000000000")),
              signature());
}

TEST(TypedSignature, OtherTextIsRefused) {
    for (const char* text : {"", "fe34", "fe3467554552491g", "fe3467554552491d0"}) {
        EXPECT_THAT(cli::typed_signature(text),
                    FailsWith(ErrorCode::kInvalidArgument, "16 hexadecimal digits"));
    }
}

TEST(EditDistance, CountsEditsAndSwaps) {
    EXPECT_EQ(cli::edit_distance("lock", "lock"), 0U);
    EXPECT_EQ(cli::edit_distance("lock", "unlock"), 2U);
    EXPECT_EQ(cli::edit_distance("lokc", "lock"), 1U);
    EXPECT_EQ(cli::edit_distance("", "lock"), 4U);
    EXPECT_EQ(cli::edit_distance("kitten", "sitting"), 3U);
}

}  // namespace
}  // namespace ecryptfs::test
