// SPDX-License-Identifier: Apache-2.0
//
// Advice that is followed word for word, by a shell: the command that it names runs, and what was
// wrong is right.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>

#include <filesystem>

#include "lib/base/allowed_libraries.h"
#include "lib/base/shell_word.h"
#include "lib/dbus/bus_error.h"
#include "tests/cli/fake_agent.h"
#include "tests/fakes/private_bus.h"
#include "tests/support/advised_command.h"
#include "tests/support/command.h"
#include "tests/support/exit_code.h"
#include "tests/support/signatures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using ::testing::HasSubstr;

// A folder whose name a shell would take apart.
constexpr char kFolder[] = "it's $(a) b;c";
// Of the passphrase correct-horse.
constexpr char kCorrectHorse[] = "9d59cdc2eaf8d95e";
constexpr char kCorrectHorseNames[] = "e80b89d3427db0d3";

struct Situation {
    std::string what;
    std::string made_by = {};  // a line of shell, in the folder
    Arguments typed;
    ErrorCode error;
    std::string advice;
    std::string output = {};  // what following the advice prints has this
};

// The rest of the line behind a text.
std::string behind(const std::string& shown, const std::string& text) {
    const auto begin = shown.find(text) + text.size();
    return shown.substr(begin, shown.find('\n', begin) - begin);
}

std::string advice_in(const std::string& err) {
    return err.find("try: ") == std::string::npos ? "" : behind(err, "try: ");
}

// One that is made by a line of shell, and what is typed to follow its advice: the command in it,
// if nothing else is said.
struct Row {
    std::string made_by;
    std::string typed;
    ErrorCode error;
    std::string advice;
    std::string followed = {};
    std::string output = {};  // what that prints has this
};

class Advice : public ::testing::Test {
  protected:
    explicit Advice(FakeAgentScript script = documented_agent())
        : agent_(bus_.address(), std::move(script)) {}

    void SetUp() override {
        ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);
        ASSERT_EQ(::keyctl_clear(KEY_SPEC_USER_KEYRING), 0);
        fs::create_directory(path());
    }

    fs::path path() const { return folder_.path() / kFolder; }

    // By a shell that has ecryptfsctl, in the folder, which is the home as well.
    Outcome in_shell(const std::string& line) const {
        auto environment = bus_.environment();
        environment["PATH"] =
            fs::path(ECRYPTFSCTL).parent_path().string() + ":/usr/bin:/bin:/usr/sbin";
        environment["HOME"] = path().string();
        environment["VECTORS"] = ECRYPTFS_VECTORS;
        const std::string unpack =
            "unpack() { mkdir -p \"$2\" && tar -C \"$2\" --xattrs -xf \"$VECTORS/$1.tar.xz\"; }; ";
        return run(
            {"/bin/sh", {"-c", unpack + "cd \"$0\" && " + line, path().string()}, environment});
    }
    Outcome in_shell(const Arguments& typed) const {
        auto environment = bus_.environment();
        Arguments arguments = {"-c", "cd \"$0\" && exec \"$@\"", path().string(), ECRYPTFSCTL};
        arguments.insert(arguments.end(), typed.begin(), typed.end());
        return run({"/bin/sh", arguments, environment});
    }

    void follow(const Situation& situation) const {
        SCOPED_TRACE(situation.what);
        if (!situation.made_by.empty()) {
            ASSERT_EQ(in_shell(situation.made_by).exit_code, 0);
        }
        const auto refused = in_shell(situation.typed);
        EXPECT_EQ(refused.exit_code, exit_code(situation.error)) << refused.err;
        const auto advice = advice_in(refused.err);
        EXPECT_EQ(advice, situation.advice) << refused.err;
        const auto followed = in_shell(command_in(advice));
        EXPECT_EQ(followed.exit_code, 0) << command_in(advice) << ": " << followed.err;
        EXPECT_THAT(followed.out, HasSubstr(situation.output));
    }

    void check(const Row& row) const {
        SCOPED_TRACE(row.typed);
        if (!row.made_by.empty()) {
            const auto made = in_shell(row.made_by);
            ASSERT_EQ(made.exit_code, 0) << row.made_by << ": " << made.err;
        }
        const auto refused = in_shell(row.typed);
        EXPECT_EQ(refused.exit_code, exit_code(row.error)) << refused.err;
        EXPECT_EQ(advice_in(refused.err), row.advice) << refused.err;
        const auto line = row.followed.empty() ? command_in(row.advice) : row.followed;
        const auto followed = in_shell(line);
        EXPECT_EQ(followed.exit_code, 0) << line << ": " << followed.err;
        EXPECT_THAT(followed.out, HasSubstr(row.output)) << line;
    }
    void check_all(const std::vector<Row>& rows) const {
        for (const auto& row : rows) {
            check(row);
        }
    }

    TemporaryFolder folder_;
    PrivateBus bus_;
    FakeAgent agent_;
};

class AdviceOnPins : public Advice {
  protected:
    AdviceOnPins() : Advice(agent_with_pin()) {}

  private:
    static FakeAgentScript agent_with_pin() {
        auto script = documented_agent();
        script.secret = "1234";
        return script;
    }
};

TEST_F(Advice, WorksForTypingErrors) {
    const std::vector<Situation> situations = {
        {"nothing", {}, {}, ErrorCode::kInvalidArgument, "ecryptfsctl --help", "Subcommands:"},
        {"a verb",
         {},
         {"lsit-keys", "--json"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl list-keys --json",
         kSignature},
        {"no verb at all",
         {},
         {"frobnicate"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl --help",
         "Subcommands:"},
        {"an option",
         {},
         {"lock", kSignature, "--quite"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl lock fe3467554552491d --quiet"},
        {"an option with a value, beside names that a shell takes apart",
         "echo x >'a b' && echo y >'c;d'",
         {"wrap-passphrase", "new $(file)", "--pasphrase-file=a b", "--wrapping-passphrase-file",
          "c;d"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl wrap-passphrase 'new $(file)' '--passphrase-file=a b' "
         "--wrapping-passphrase-file 'c;d'"},
        {"no option at all",
         {},
         {"lock", "--frobnicate"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl lock --help",
         "--json"},
        {"an argument that is missing",
         {},
         {"unlock"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl unlock --help",
         "KEY"},
        {"one too many",
         {},
         {"list-keys", "all"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl list-keys --help",
         "--available"},
    };
    for (const auto& situation : situations) {
        follow(situation);
    }
}

TEST_F(Advice, NeverRepeatsPin) {
    const auto refused =
        in_shell(Arguments{"add-key", "pkcs11:token=x?pin-value=1234", "--keyrin", "session"});
    EXPECT_EQ(advice_in(refused.err), "ecryptfsctl add-key --help");
    EXPECT_THAT(refused.err, ::testing::Not(HasSubstr("1234")));
}

TEST_F(Advice, WorksForUnknownKey) {
    const std::vector<Situation> situations = {
        {"another than the agent has",
         {},
         {"lock", "0000000000000000"},
         ErrorCode::kUnknownKey,
         "see what it has: ecryptfsctl list-keys",
         kSignature},
        {"no signature",
         {},
         {"lock", "key.pem"},
         ErrorCode::kInvalidArgument,
         "see the signatures: ecryptfsctl list-keys",
         kSignature},
        {"to remove",
         {},
         {"remove-key", "0000000000000000"},
         ErrorCode::kUnknownKey,
         "see which there are: ecryptfsctl list-keys",
         kSignature},
    };
    for (const auto& situation : situations) {
        follow(situation);
    }
}

TEST_F(Advice, WorksForMissingFolder) {
    const std::vector<Situation> situations = {
        {"the lower one",
         {},
         {"mount", "lo wer", "upper"},
         ErrorCode::kNotFound,
         "make it: mkdir -p 'lo wer'"},
        {"the upper one",
         "test -d 'lo wer'",
         {"mount", "lo wer", "$(up)/per", "--key", kSignature},
         ErrorCode::kNotFound,
         "make it: mkdir -p '$(up)/per'"},
    };
    for (const auto& situation : situations) {
        follow(situation);
    }
    const auto keyless = in_shell(Arguments{"mount", "lo wer", "$(up)/per"});
    EXPECT_EQ(
        command_in(advice_in(keyless.err)),
        "ecryptfsctl inspect " + base::shell_word((fs::canonical(path()) / "lo wer").string()));
}

TEST_F(Advice, WorksForWarnings) {
    fs::copy_file(vector_path("wrapped-v1"), path() / "my 'old' file");
    ASSERT_EQ(in_shell("umask 077; echo wrapping-pass >w; chmod 644 my*").exit_code, 0);
    const Arguments unwrap = {"unwrap-passphrase", "my 'old' file", "--wrapping-passphrase-file",
                              "w"};
    const auto exposed = behind(in_shell(unwrap).err, "file: ");
    EXPECT_EQ(exposed, "chmod 600 'my '\\''old'\\'' file'");
    EXPECT_EQ(in_shell(exposed).exit_code, 0);
    const auto warned = in_shell(unwrap).err;
    EXPECT_THAT(warned, ::testing::Not(HasSubstr("others can read")));
    const auto weak = behind(warned, "stronger: ");
    EXPECT_EQ(weak, "ecryptfsctl rewrap-passphrase --upgrade 'my '\\''old'\\'' file'");
    const auto followed = in_shell(weak + " --wrapping-passphrase-file w");
    EXPECT_EQ(followed.exit_code, 0) << followed.err;
    EXPECT_THAT(in_shell(unwrap).err, ::testing::Not(HasSubstr("warning")));
}

TEST_F(Advice, WorksForFileNamedLikeUri) {
    ASSERT_EQ(in_shell("echo x >'my:$(key)'").exit_code, 0);
    const auto refused = in_shell(Arguments{"add-key", "my:$(key)"});
    EXPECT_THAT(refused.err, HasSubstr("or for a file of that name write './my:$(key)'\n"));
    const auto followed = in_shell("ecryptfsctl add-key './my:$(key)' --passphrase-file /dev/null");
    EXPECT_THAT(followed.err, ::testing::Not(HasSubstr("no PKI module"))) << followed.err;
}

// ---- secrets

TEST_F(Advice, WorksForPassphraseFiles) {
    check_all({
        {"echo correct-horse >w", "ecryptfsctl add-passphrase --passphrase-file nowhere",
         ErrorCode::kNotFound, "name a readable file, or - for standard input",
         "ecryptfsctl add-passphrase --passphrase-file - <w", kCorrectHorse},
        {"head -c 9000 /dev/zero | tr '\\0' x >long",
         "ecryptfsctl add-passphrase --passphrase-file long", ErrorCode::kInvalidArgument,
         "put the passphrase or PIN alone on the first line",
         "ecryptfsctl add-passphrase --passphrase-file w", kCorrectHorse},
        {"", "echo | ecryptfsctl add-passphrase --passphrase-file -", ErrorCode::kInvalidArgument,
         "put the passphrase on it", "ecryptfsctl add-passphrase --passphrase-file - <w",
         kCorrectHorse},
        {"iconv -t UTF-16 w >utf16", "ecryptfsctl add-passphrase --passphrase-file - <utf16",
         ErrorCode::kInvalidArgument, "pass it through: iconv -f UTF-16 -t UTF-8",
         "iconv -f UTF-16 -t UTF-8 <utf16 | ecryptfsctl add-passphrase --passphrase-file -",
         kCorrectHorse},
        {"", "ecryptfsctl wrap-passphrase new --passphrase-file - --wrapping-passphrase-file - <w",
         ErrorCode::kInvalidArgument, "put the other passphrase into a file, or type it",
         "ecryptfsctl wrap-passphrase new --passphrase-file w --wrapping-passphrase-file - <w"},
        {"", "ecryptfsctl wrap-passphrase new --passphrase-file w --wrapping-passphrase-file w",
         ErrorCode::kAlreadyExists, "choose another name; nothing is overwritten",
         "ecryptfsctl wrap-passphrase newer --passphrase-file w --wrapping-passphrase-file w"},
        {"", "ecryptfsctl unwrap-passphrase w --wrapping-passphrase-file w", ErrorCode::kMalformed,
         "name a file that ecryptfs-wrap-passphrase or this program wrote",
         "ecryptfsctl unwrap-passphrase new --wrapping-passphrase-file w", "correct-horse"},
        {"", "ecryptfsctl add-passphrase --salt 12 --passphrase-file w",
         ErrorCode::kInvalidArgument, "leave --salt out for the default, 0011223344556677",
         "ecryptfsctl add-passphrase --salt 0011223344556677 --passphrase-file w", kCorrectHorse},
        {"head -c 65 /dev/zero | tr '\\0' x >long",
         "ecryptfsctl add-passphrase --passphrase-file long", ErrorCode::kInvalidArgument,
         "choose another; letters outside of ASCII are several bytes each",
         "ecryptfsctl add-passphrase --passphrase-file w", kCorrectHorse},
        {"", "ecryptfsctl wrap-passphrase new2 --passphrase-file long --wrapping-passphrase-file w",
         ErrorCode::kInvalidArgument, "choose another mount passphrase",
         "ecryptfsctl wrap-passphrase new2 --passphrase-file w --wrapping-passphrase-file w"},
    });
}

TEST_F(AdviceOnPins, WorksWhenFollowed) {
    check_all({
        {"printf '12\\00134\\n' >control",
         "ecryptfsctl add-key pkcs11:token=T --passphrase-file control",
         ErrorCode::kInvalidArgument, "write the file anew",
         "echo 1234 >control && ecryptfsctl add-key pkcs11:token=T --passphrase-file control"},
        {"", "ecryptfsctl add-key 'pkcs11:token=T?pin-value=1234'", ErrorCode::kInvalidArgument,
         "leave pin-value out: you are asked for the PIN, or give --passphrase-file",
         "ecryptfsctl add-key pkcs11:token=T --passphrase-file control"},
    });
}

TEST_F(Advice, WorksForPrompts) {
    const auto program = [](const std::string& name, const std::string& line) {
        return "printf '#!/bin/sh\\n" + line + "\\n' >" + name + " && chmod +x " + name;
    };
    const std::string right = program("right", "echo correct-horse");
    const std::string asked = "ecryptfsctl add-passphrase --askpass ./right";
    check_all({
        {right + " && echo correct-horse >w", "ecryptfsctl add-passphrase",
         ErrorCode::kSecretRequired,
         "give it with --passphrase-file FILE, - for standard input, or have --askpass PROGRAM ask",
         "ecryptfsctl add-passphrase --passphrase-file w && "
         "ecryptfsctl add-passphrase --passphrase-file - <w && " +
             asked,
         kCorrectHorse},
        {"", "ecryptfsctl add-passphrase --askpass ./nowhere", ErrorCode::kNotFound,
         "give --askpass a program that is installed", asked, kCorrectHorse},
        {program("empty", "echo"), "ecryptfsctl add-passphrase --askpass ./empty",
         ErrorCode::kSecretRequired, "run the command again and type the passphrase or PIN", asked,
         kCorrectHorse},
        {program("arrows", "printf \"a\\\\033[A\""),
         "ecryptfsctl add-passphrase --askpass ./arrows", ErrorCode::kInvalidArgument,
         "type it without such keys; a secret that has them can come from a file", asked,
         kCorrectHorse},
        {program("pinentry-broken", "exit 0"),
         "ecryptfsctl add-passphrase --askpass ./pinentry-broken", ErrorCode::kModuleFailed,
         "give --askpass another program", asked, kCorrectHorse},
        {program("changing", "date +%%N"), "ecryptfsctl add-passphrase --askpass ./changing",
         ErrorCode::kInvalidArgument, "try again", asked, kCorrectHorse},
        {"", "ecryptfsctl generate-key openssl new.pem", ErrorCode::kSecretRequired,
         "give it with --passphrase-file FILE, - for standard input, or have --askpass PROGRAM "
         "ask, or --no-passphrase",
         "ecryptfsctl generate-key openssl --help", "--no-passphrase"},
        {"echo >none", "ecryptfsctl generate-key openssl new.pem --passphrase-file none",
         ErrorCode::kInvalidArgument, "for a key without a secret give --no-passphrase",
         "ecryptfsctl generate-key openssl --help", "--no-passphrase"},
    });
}

// ---- keys

TEST_F(Advice, WorksForUrisOfKeys) {
    check_all({
        {"", "ecryptfsctl add-key ''", ErrorCode::kInvalidArgument,
         "name a key file, or a key on a token by a pkcs11: URI", "ecryptfsctl add-key key.pem"},
        {"", "ecryptfsctl add-key 'my:key'", ErrorCode::kInvalidArgument,
         "give a path, a file:, pkcs11: or handle: URI, name the module with --module, or for a "
         "file of that name write ./my:key",
         "ecryptfsctl add-key ./my:key && ecryptfsctl add-key my:key --module other"},
        {"", "ecryptfsctl add-key 'pkcs11:token=a b'", ErrorCode::kInvalidArgument,
         "write spaces and others as %20 and the like", "ecryptfsctl add-key pkcs11:token=a%20b"},
        {"", "ecryptfsctl add-key --module 'No Module' key.pem", ErrorCode::kInvalidArgument,
         "modules of this project: openssl, pkcs11, tpm2",
         "ecryptfsctl add-key --module tpm2 key.pem"},
        {"mkdir gone", "cd gone && rmdir ../gone && ecryptfsctl add-key key.pem",
         ErrorCode::kInvalidArgument, "give an absolute path",
         "mkdir gone && cd gone && rmdir ../gone && ecryptfsctl add-key /key.pem"},
        {"", "ecryptfsctl add-key file://elsewhere/key.pem", ErrorCode::kInvalidArgument,
         "name a local file: an absolute path, or file:///absolute/path",
         "ecryptfsctl add-key /key.pem && ecryptfsctl add-key file:///key.pem"},
        {"mkdir modules", "ecryptfsctl list-tokens --module-dir modules", ErrorCode::kUnknownModule,
         "install the package ecryptfs-agent anew",
         "ecryptfsctl list-tokens --help"},  // tests/installed installs it
    });
}

// The list of libraries is in the home that the password database has.
TEST_F(Advice, WorksForAllowedLibraries) {
    const auto list = base::shell_word(base::value_or_throw(base::allowed_libraries_path()));
    const auto allow = [](const std::string& library) {
        return "ecryptfsctl add-key key.pem --allow-library " + library;
    };
    check_all({
        {"mkdir -p " + list, allow("/bin/sh"), ErrorCode::kMalformed, "remove it: rm -r " + list,
         "rm -r " + list + " && " + allow("/bin/sh")},
        {"chmod 666 " + list, allow("/bin/ls"), ErrorCode::kAccessDenied,
         "look whether its libraries are yours, then: chmod 600 " + list,
         "chmod 600 " + list + " && " + allow("/bin/ls")},
        {"mv " + list + " list && ln -s \"$PWD/list\" " + list, allow("/bin/cat"),
         ErrorCode::kAccessDenied, "put the file itself in the place of the link",
         "mv list " + list + " && " + allow("/bin/cat")},
        {"head -c 70000 /dev/zero >" + list, allow("/bin/cat"), ErrorCode::kMalformed,
         "take the libraries out that are not used any more",
         ": >" + list + " && " + allow("/bin/cat")},
        {"", allow("/usr"), ErrorCode::kInvalidArgument, "name the library itself",
         allow("/bin/sh")},
        {"cp /bin/true \"$(printf 'a\\nb')\"", allow("\"$(printf 'a\\nb')\""),
         ErrorCode::kNotSupported, "rename it", "mv a*b ab && " + allow("ab")},
    });
}

TEST_F(Advice, WorksForSessionKeyring) {
    const std::string in_session =
        "echo correct-horse | ecryptfsctl add-passphrase --passphrase-file - --keyring session";
    check(
        {"", "keyctl session - sh -c 'keyctl revoke @s; " + in_session + "'",
         ErrorCode::kKeyRevoked,
         "leave --keyring session out, or log in again for a new session keyring",
         "echo correct-horse | ecryptfsctl add-passphrase --passphrase-file - && keyctl session - "
         "sh -c '" +
             in_session + "'",
         kCorrectHorse});
}

// ---- lower files

TEST_F(Advice, WorksForWhatToDecrypt) {
    check_all({
        {"unpack pass-aes32-fnek.lower lower; echo battery-staple >w; echo wrong >x",
         "ecryptfsctl decrypt lower --output out --json --key-passphrase-file w "
         "--passphrase-file w",
         ErrorCode::kInvalidArgument, "give the first file for the first key, and so on",
         "ecryptfsctl decrypt lower --output out --passphrase-file w"},
        {"", "ecryptfsctl decrypt lower --output - --json --passphrase-file w",
         ErrorCode::kInvalidArgument, "leave out --json, or give a folder as --output",
         "ecryptfsctl decrypt lower --output out2 --json --passphrase-file w", "{"},
        {"", "ecryptfsctl decrypt lower --output - --passphrase-file w",
         ErrorCode::kInvalidArgument, "name one with --only, or give a folder as --output",
         "ecryptfsctl decrypt lower --output - --only size-000001.bin --passphrase-file w"},
        {"", "ecryptfsctl decrypt lower --output - --only nothing --passphrase-file w",
         ErrorCode::kNotFound,
         "give the path as the mount shows it, from the mounted folder, and the passphrase of its "
         "names",
         "ecryptfsctl decrypt lower --output - --only sub/deep/file.txt --passphrase-file w"},
        {"", "ecryptfsctl decrypt lower --output out3 --only ../x --passphrase-file w",
         ErrorCode::kInvalidArgument,
         "give it as the mount shows it, from the mounted folder: letters/2019.txt",
         "ecryptfsctl decrypt lower --output out3 --only sub/deep/file.txt --passphrase-file w"},
        {"", "ecryptfsctl inspect lower --find nothing --passphrase-file w", ErrorCode::kNotFound,
         "give the path below PATH, as the mount would show it",
         "ecryptfsctl inspect lower --find sub/deep/file.txt --passphrase-file w", "lower/"},
        {"", "ecryptfsctl decrypt lower --output out4 --salt 0011223344556677 --key k",
         ErrorCode::kInvalidArgument, "give it with --passphrase, --passphrase-file or --wrapped",
         "ecryptfsctl decrypt lower --output out4 --salt 0011223344556677 --passphrase-file w"},
        {"",
         "ecryptfsctl decrypt lower --output out5 --passphrase-file w --wrapping-passphrase-file w",
         ErrorCode::kInvalidArgument, "give the first file for the first --wrapped, and so on",
         "ecryptfsctl wrap-passphrase wrapped --passphrase-file w --wrapping-passphrase-file w && "
         "ecryptfsctl decrypt lower --output out5 --wrapped wrapped --wrapping-passphrase-file w"},
    });
}

TEST_F(Advice, WorksForUselessPassphrases) {
    check_all({
        {"unpack pass-aes32-fnek.lower lower; echo battery-staple >w; echo wrong >x",
         "ecryptfsctl decrypt lower --output out", ErrorCode::kUnknownKey,
         "give the mount passphrase with --passphrase",
         "ecryptfsctl decrypt lower --output out --passphrase-file w"},
        {"", "ecryptfsctl decrypt lower --output out2 --passphrase-file x", ErrorCode::kUnknownKey,
         "give --wrapped FILE, if what was given is a login passphrase; or --salt HEX, if the "
         "mount "
         "had a salt of its own",
         "ecryptfsctl decrypt lower --output out2 --passphrase-file w --salt 0011223344556677"},
        {"printf '#!/bin/sh\\necho wrong\\n' >wrong; printf '#!/bin/sh\\ncat w\\n' >right; chmod "
         "+x "
         "wrong right",
         "ecryptfsctl decrypt lower --output out3 --passphrase --askpass ./wrong",
         ErrorCode::kUnknownKey,
         "give the mount passphrase once more, if it was mistyped; or --wrapped FILE, if what was "
         "given is a login passphrase; or --salt HEX, if the mount had a salt of its own",
         "ecryptfsctl decrypt lower --output out3 --passphrase --askpass ./right"},
        {"", "ecryptfsctl decrypt lower --output out4 --passphrase-file w --salt 0011223344556600",
         ErrorCode::kUnknownKey,
         "leave --salt out: with the default salt that passphrase is the right one",
         "ecryptfsctl decrypt lower --output out4 --passphrase-file w"},
        {"", "ecryptfsctl decrypt lower --output out5 --passphrase-file x --salt 0011223344556600",
         ErrorCode::kUnknownKey,
         "give --wrapped FILE, if what was given is a login passphrase; or another --salt",
         "ecryptfsctl decrypt lower --output out5 --passphrase-file w --salt 0011223344556677"},
    });
    // A wrapped passphrase in the home, whose own the login passphrase is.
    const auto wrapped = base::shell_word((path() / ".ecryptfs/wrapped-passphrase").string());
    check_all({
        {"mkdir .ecryptfs && echo login >l && ecryptfsctl wrap-passphrase "
         ".ecryptfs/wrapped-passphrase --passphrase-file w --wrapping-passphrase-file l && printf "
         "'#!/bin/sh\\ncat l\\n' >login && chmod +x login",
         "ecryptfsctl decrypt lower --output out6 --passphrase-file l", ErrorCode::kUnknownKey,
         "it is the wrapping passphrase of " + (path() / ".ecryptfs/wrapped-passphrase").string() +
             ": give --wrapped " + wrapped +
             " --wrapping-passphrase-file l instead of --passphrase-file l",
         "ecryptfsctl decrypt lower --output out6 --wrapped " + wrapped +
             " --wrapping-passphrase-file l"},
        {"", "ecryptfsctl decrypt lower --output out7 --passphrase --askpass ./login",
         ErrorCode::kUnknownKey,
         "it is the wrapping passphrase of " + (path() / ".ecryptfs/wrapped-passphrase").string() +
             ": give --wrapped " + wrapped + " instead of --passphrase, and type it again",
         "ecryptfsctl decrypt lower --output out7 --wrapped " + wrapped + " --askpass ./login"},
        {"", "ecryptfsctl decrypt lower --output out8", ErrorCode::kUnknownKey,
         "give --wrapped " + wrapped + " and the login passphrase",
         "ecryptfsctl decrypt lower --output out8 --wrapped " + wrapped + " --askpass ./login"},
        {"unpack rsa2048-aes16.lower rsa", "ecryptfsctl decrypt rsa --output out9",
         ErrorCode::kUnknownKey, "give the key with --key URI", "ecryptfsctl decrypt --help",
         "--key URI"},  // with one: tests/integration
    });
}

TEST_F(Advice, WorksForSaltOfContents) {
    // Names of the default salt, contents of another.
    check_all(
        {{"unpack pass-aes32-fnek.lower lower; unpack aes24-fnek.lower mixed; echo "
          "correct-horse >w; find mixed -type f -delete; cp lower/E* mixed/ 2>/dev/null; "
          "unpack pass-aes32-fnek.lower other; n=$(ls mixed | head -n 1); true",
          "f=$(find mixed -type d | tail -n 1); cp -n $(find lower -maxdepth 1 -type f | head "
          "-n 1) $f/; ecryptfsctl decrypt mixed --output out --passphrase-file w; exit 8",
          ErrorCode::kUnknownKey,
          "give --salt HEX, if the salt of the contents is another: the passphrase in w opens "
          "names",
          "ecryptfsctl decrypt --help", "--salt"}});
}

TEST_F(Advice, WorksForWhereToDecrypt) {
    check_all({
        {"unpack pass-aes16.lower lower; echo correct-horse >w; mkdir out && ln -s /nowhere "
         "out/.ecryptfsctl-unfinished; rm out/.ecryptfsctl-unfinished; touch "
         "out/.ecryptfsctl-unfinished",
         "exec 9<out/.ecryptfsctl-unfinished; flock 9; ecryptfsctl decrypt lower --output out "
         "--passphrase-file w",
         ErrorCode::kAlreadyExists, "wait until it is done, or choose another folder",
         "ecryptfsctl decrypt lower --output out --passphrase-file w && ecryptfsctl decrypt lower "
         "--output out2 --passphrase-file w"},
        {"", "ecryptfsctl decrypt lower --output lower/out --passphrase-file w",
         ErrorCode::kInvalidArgument, "choose an --output outside of the lower folder",
         "rm -r lower/out && ecryptfsctl decrypt lower --output out3 --passphrase-file w"},
        {"unpack blowfish56.lower blowfish; mkdir none",
         "OPENSSL_MODULES=none ecryptfsctl decrypt blowfish --output out5 --passphrase-file w",
         ErrorCode::kNotSupported,
         "install OpenSSL's legacy provider, or mount it with a kernel that has it",
         "ecryptfsctl decrypt blowfish --output out5 --passphrase-file w"},
        {"unpack aes24-fnek.lower links",
         "LD_PRELOAD=" ECRYPTFS_POOR_FILE_SYSTEM " POOR_FILE_SYSTEM=symlinks ASAN_OPTIONS="
         "verify_asan_link_order=0 ecryptfsctl decrypt links --output out6 --passphrase-file w",
         ErrorCode::kNotSupported, "choose an --output on another file system",
         "ecryptfsctl decrypt links --output out7 --passphrase-file w"},
        {"mkdir real && ln -s real link",
         "unshare -Ur ecryptfsctl decrypt lower --output link/out --passphrase-file w",
         ErrorCode::kInvalidArgument,
         "if it leads where it should, give --output " +
             base::shell_word((fs::canonical(path()) / "real/out").string()),
         "unshare -Ur ecryptfsctl decrypt lower --passphrase-file w --output " +
             base::shell_word((fs::canonical(path()) / "real/out").string())},
        {"mkdir small",
         "unshare -Urm sh -c 'mount -t tmpfs -o size=40k none small && ecryptfsctl decrypt lower "
         "--output small --passphrase-file w'",
         ErrorCode::kNoSpace, "make room, and run this again",
         "unshare -Urm sh -c 'mount -t tmpfs -o size=4M none small && ecryptfsctl decrypt lower "
         "--output small --passphrase-file w'"},
        {"mkdir taken && mkfifo taken/sub",
         "ecryptfsctl decrypt lower --only sub --output taken --passphrase-file w",
         ErrorCode::kAlreadyExists, "move it away and run this again, or choose another --output",
         "mv taken/sub away && ecryptfsctl decrypt lower --only sub --output taken "
         "--passphrase-file w"},
        {"unpack twofish32.lower twofish",
         "ecryptfsctl decrypt twofish --output out4 --passphrase-file w", ErrorCode::kNotSupported,
         "mount it with a kernel that has it: sudo ecryptfsctl mount --kernel LOWER UPPER",
         "ecryptfsctl mount --help", "--kernel"},
    });
}

TEST_F(Advice, WorksForDataPastTheEnd) {
    check_all({
        {"unpack pass-aes16.lower v; echo correct-horse >w; mkdir lower && cp v/size-100000.bin "
         "lower/short && printf '\\0\\0\\0\\0\\0\\0\\0\\1' | dd of=lower/short conv=notrunc "
         "status=none",
         "ecryptfsctl inspect lower/short", ErrorCode::kMalformed,
         "save them by decrypt with --beyond-size",
         "ecryptfsctl decrypt lower --output saved --beyond-size --passphrase-file w && ls saved",
         "short.beyond"},
        {"", "ecryptfsctl decrypt lower --output out --passphrase-file w", ErrorCode::kMalformed,
         "run this again with --beyond-size, which saves them as NAME.beyond",
         "ecryptfsctl decrypt lower --output out --beyond-size --passphrase-file w && ls out",
         "short.beyond"},
        {"", "ecryptfsctl decrypt lower --output - --passphrase-file w", ErrorCode::kMalformed,
         "run this again with --beyond-size, which writes them too",
         "ecryptfsctl decrypt lower --output - --beyond-size --passphrase-file w | wc -c",
         "102400"},
    });
}

// ---- mounts: as far as they go without root; tests/vm mounts.

TEST_F(Advice, WorksForHowToMount) {
    const std::string mount = "ecryptfsctl mount lower upper --print-options ";
    const std::string as_root = "unshare -Ur " + mount + "--fresh ";
    const std::string key = std::string("--key ") + kSignature;
    const auto lower = [&] { return base::shell_word((fs::canonical(path()) / "lower").string()); };
    check_all({
        {"mkdir lower upper && touch file", "ecryptfsctl mount file upper",
         ErrorCode::kInvalidArgument, "mount a folder on a folder: ecryptfsctl mount LOWER UPPER",
         mount + key, kSignature},
        {"", "ecryptfsctl mount lower " + key, ErrorCode::kInvalidArgument,
         "ecryptfsctl mount lower UPPER", mount + key, kSignature},
        {"", mount + key + " " + key, ErrorCode::kInvalidArgument, "name another key",
         mount + key + " --key 0000000000000001", "0000000000000001"},
        {"", mount + key + " --recovery " + kSignature, ErrorCode::kInvalidArgument,
         "name another key as the second way to the files",
         mount + key + " --recovery 0000000000000001", "0000000000000001"},
        {"", mount + key + " --cipher rot13", ErrorCode::kInvalidArgument,
         "one of aes, blowfish, des3_ede, twofish, cast6, cast5", mount + key + " --cipher twofish",
         "twofish"},
        {"", mount + key + " --key-bytes 17", ErrorCode::kInvalidArgument, "--key-bytes 16, 24, 32",
         mount + key + " --key-bytes 24", "=24"},
        {"mkdir .ecryptfs; echo nonsense >.ecryptfs/upper.conf; mkdir -p "
         ".config/ecryptfs-agent && echo '{' >.config/ecryptfs-agent/folders.json",
         mount, ErrorCode::kMalformed, "mend it, or remove it: it only saves typing",
         "rm .config/ecryptfs-agent/folders.json && " + mount + key, kSignature},
        {"mkfifo .ecryptfsrc", mount, ErrorCode::kInvalidArgument, "move it away",
         "mv .ecryptfsrc away && " + mount + key, kSignature},
        {"echo ecryptfs_key_bytes=x >.ecryptfsrc", mount, ErrorCode::kMalformed,
         "mend that line, or name the keys without the file: --fresh --key SIG",
         mount + "--fresh " + key, kSignature},
        {"rm .ecryptfsrc", "ecryptfsctl umount upper", ErrorCode::kNotFound,
         "see what is: ecryptfsctl status"},
        {"", "ecryptfsctl mount lower upper --user nobody-of-this-name", ErrorCode::kNotFound,
         "name a user of this machine", as_root + key + " --user root", kSignature},
        {"", mount + key + " --user root", ErrorCode::kAccessDenied,
         "sudo " + mount + key + " --user root", as_root + key + " --user root", kSignature},

        {"", "SUDO_UID=x " + as_root + key, ErrorCode::kInvalidArgument,
         "say for whom: --user USER", "SUDO_UID=x " + as_root + key + " --user root", kSignature},
        {"", "SUDO_UID=4242424 " + as_root + key, ErrorCode::kNotFound, "say for whom: --user USER",
         "SUDO_UID=4242424 " + as_root + key + " --user root", kSignature},
    });
    check({"", mount, ErrorCode::kUnknownKey,
           "name it with --key; which open its files: ecryptfsctl inspect " + lower(),
           "ecryptfsctl inspect " + lower()});
}

TEST_F(Advice, WorksForKeysOfMount) {
    const std::string mount = "ecryptfsctl mount --kernel lower upper --fresh --key ";
    check_all({
        {"mkdir lower upper; echo correct-horse >w", mount + kSignature, ErrorCode::kUnknownKey,
         "ecryptfsctl add-key FILE-OR-URI, or for a passphrase: ecryptfsctl add-passphrase",
         "ecryptfsctl add-key key.pem"},
        {"ecryptfsctl add-passphrase --passphrase-file w",
         mount + kCorrectHorse + " --fnek 0000000000000001", ErrorCode::kUnknownKey,
         "ecryptfsctl add-passphrase --fnek",
         "ecryptfsctl add-passphrase --fnek --passphrase-file w", kCorrectHorse},
        {"keyctl padd user bff98d7544e350ea @u "
         "<\"$VECTORS/rsa1024-aes16.authtok.bff98d7544e350ea\"",
         mount + "bff98d7544e350ea", ErrorCode::kUnknownKey,
         "add it again: ecryptfsctl add-key FILE-OR-URI; or --force",
         "ecryptfsctl add-key key.pem"},
        {std::string("keyctl padd user ") + kSignature + " @u <\"$VECTORS/rsa2048-aes16.authtok." +
             kSignature + "\"",
         mount + kCorrectHorse + " --fnek " + kSignature, ErrorCode::kInvalidKey,
         "ecryptfsctl add-passphrase --fnek; the second line that it prints is for --fnek",
         "ecryptfsctl add-passphrase --fnek --passphrase-file w", "\n"},
    });
}

// What stands in the way of a mount, and how to have it all the same: then the kernel is asked.
TEST_F(Advice, WorksForContentsOfFolder) {
    const std::string mount = std::string("ecryptfsctl mount --kernel lower upper --fresh --key ");
    const auto right = mount + kCorrectHorse;
    const std::string as_far_as_the_kernel =
        " 2>said; grep -q -e 'only root' -e 'mounting ' said || { cat said; false; }";
    check_all({
        {"unpack pass-aes16.lower lower; mkdir upper; echo correct-horse >w; echo other >x; "
         "ecryptfsctl add-passphrase --fnek --passphrase-file w; ecryptfsctl add-passphrase "
         "--passphrase-file x >sig; touch upper/file",
         right, ErrorCode::kAlreadyExists, "name an empty folder; or --force",
         right + " --force" + as_far_as_the_kernel},
        {"rm upper/file; echo x >lower/plain", right, ErrorCode::kInvalidArgument,
         "--passthrough, which shows such files as they are; or name an empty folder; or --force",
         right + " --passthrough" + as_far_as_the_kernel},
        {"rm lower/plain", mount + "$(cat sig)", ErrorCode::kUnknownKey,
         std::string("--key ") + kCorrectHorse + "; or --force", right + as_far_as_the_kernel},
        {"", right + " --fnek " + kCorrectHorseNames, ErrorCode::kInvalidArgument,
         "leave --fnek out (--fresh, if it is remembered), or use an empty folder; or --force",
         right + as_far_as_the_kernel},
        {"rm -r lower; unpack aes24-fnek.lower lower", right, ErrorCode::kInvalidArgument,
         std::string("--fnek ") + kCorrectHorseNames + "; or --force",
         right + " --key-bytes 24 --fnek " + kCorrectHorseNames + as_far_as_the_kernel},
        {"", right + " --fnek " + kCorrectHorseNames, ErrorCode::kInvalidArgument,
         "--cipher aes --key-bytes 24; or --force",
         right + " --cipher aes --key-bytes 24 --fnek " + kCorrectHorseNames +
             as_far_as_the_kernel},
    });
}

TEST_F(Advice, WorksForFolderWithoutAttributes) {
    check_all({
        {"mkdir upper; echo correct-horse >w; ecryptfsctl add-passphrase --passphrase-file w",
         std::string("ecryptfsctl mount --kernel /proc/fs upper --fresh --xattr --key ") +
             kCorrectHorse,
         ErrorCode::kNotSupported, "leave --xattr out, or use a folder on ext4, XFS or Btrfs",
         std::string("ecryptfsctl mount --kernel /proc/fs upper --fresh --key ") + kCorrectHorse +
             " 2>said; ! grep attributes said"},
    });
}

// ---- the agent

TEST_F(Advice, WorksForErrorsOfBus) {
    struct Said {
        std::string name;
        ErrorCode code;
        std::string advice;
    };
    // How these come about: tests/cli/verbs_test.cpp. Followed: tests/integration/advice_test.cpp,
    // where there is an agent to start; without a service manager.
    for (const auto& said : std::vector<Said>{
             {"org.freedesktop.DBus.Error.ServiceUnknown", ErrorCode::kNoAgent,
              "start it: systemctl --user start ecryptfs-agent, or run ecryptfs-agent in a "
              "terminal"},
             {"org.freedesktop.DBus.Error.NoReply", ErrorCode::kNoAgent,
              "see why: journalctl --user -u ecryptfs-agent, or run ecryptfs-agent in a terminal"},
             {"org.freedesktop.DBus.Error.Disconnected", ErrorCode::kNoBus,
              "try again, in a session that has a user bus"},
             {"org.freedesktop.DBus.Error.Timeout", ErrorCode::kTimedOut,
              "see what it does: ecryptfsctl status"},
             {"org.freedesktop.DBus.Error.UnknownMethod", ErrorCode::kNotSupported,
              "restart it after an upgrade: systemctl --user restart ecryptfs-agent"},
         }) {
        const auto error = dbus::error_from_bus(said.name, "text");
        EXPECT_EQ(error.code, said.code);
        EXPECT_EQ(error.advice, said.advice);
    }
    EXPECT_EQ(in_shell("ecryptfsctl status").exit_code, 0);
}

class AdviceOnOtherAgents : public Advice {
  protected:
    AdviceOnOtherAgents() : Advice(agent_of_another_version()) {}

  private:
    static FakeAgentScript agent_of_another_version() {
        auto script = documented_agent();
        script.wrong_answers = {"AddKey"};
        return script;
    }
};

TEST_F(AdviceOnOtherAgents, WorksWhenFollowed) {
    check_all({{"", "ecryptfsctl add-key key.pem", ErrorCode::kInternal,
                "see that ecryptfsctl and ecryptfs-agent are of the same version",
                "ecryptfsctl --version && ecryptfsctl status", "\nagent "}});
}

TEST_F(Advice, WorksForMissingBus) {
    check_all({
        {"", "env -u DBUS_SESSION_BUS_ADDRESS -u XDG_RUNTIME_DIR ecryptfsctl list-keys",
         ErrorCode::kNoBus,
         "log in as this user (su and sudo give no user bus), or start a bus: dbus-run-session "
         "bash",
         "dbus-run-session bash -c 'echo $DBUS_SESSION_BUS_ADDRESS'", "unix:"},
    });
}

}  // namespace
}  // namespace ecryptfs::test
