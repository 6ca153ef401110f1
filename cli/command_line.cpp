// SPDX-License-Identifier: Apache-2.0

#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>

#include "cli/output.h"
#include "cli/suggest.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kExamples[] = R"(Examples:
  ecryptfsctl add-key ~/.ecryptfs/key.pem         print the key's signature, for mount
  ecryptfsctl list-keys                           what the agent has
  ecryptfsctl lock                                before leaving the machine
  ecryptfsctl unlock fe3467554552491d             and back again
  ecryptfsctl remove-key fe3467554552491d         done with it
  ecryptfsctl status --json | jq .queue.failed    for scripts

Exit codes are those of docs/errors.md. Data goes to standard output, all else to standard error.)";

// The parser and what it fills in.
struct Grammar {
    CLI::App app{"Keys for eCryptfs, held by ecryptfs-agent", "ecryptfsctl"};
    AddKey add_key;
    std::string keyring = "user";
    std::uint32_t timeout_seconds = 0;
    GenerateKey generate_key;
    pki::HostPaths paths{ECRYPTFS_LIBEXECDIR "/ecryptfs-pki-host", ECRYPTFS_MODULEDIR};
    ListTokens list_tokens;
    ListKeys list_keys;
    RemoveKey remove_key;
    Lock lock;
    Unlock unlock;
    Status status;

    Grammar();
    void add_place(CLI::App& verb);
    void add_paths(CLI::App& verb);
    void describe_generate_key();
    TokenPlace place() const;
    CLI::App* verb(const char* name, const char* description, bool& json, const char* example);
    Command chosen() const;
};

CLI::App* Grammar::verb(const char* name, const char* description, bool& json,
                        const char* example) {
    auto* verb = app.add_subcommand(name, description);
    verb->add_flag("--json", json, "Print JSON (docs/json.md)");
    verb->footer(fmt::format("Example:\n  {}", example));
    return verb;
}

void add_passphrase_option(CLI::App& verb, std::string& file) {
    verb.add_option("--passphrase-file", file,
                    "Read the passphrase or PIN from the first line of FILE, - for standard input")
        ->type_name("FILE");
}

void add_signature(CLI::App& verb, std::string& signature, bool required) {
    verb.add_option("SIG", signature, "The key's signature: 16 hexadecimal digits")
        ->type_name("")
        ->required(required);
}

// CLI11's form: what is wrong, or nothing.
std::string known_keyring(const std::string& typed) {
    return typed == "user" || typed == "session" ? "" : "user or session, not " + typed;
}

void Grammar::add_place(CLI::App& verb) {
    verb.add_option("--keyring", keyring,
                    "Where the token goes: user (every session of yours; default) or session")
        ->type_name("KEYRING")
        ->check(known_keyring);
    verb.add_option("--timeout", timeout_seconds, "The kernel drops the token after SECONDS")
        ->type_name("SECONDS")
        ->check(CLI::Range(1U, std::numeric_limits<std::uint32_t>::max()).description(""));
}

// The verbs that run PKI modules by themselves, without the agent.
void Grammar::add_paths(CLI::App& verb) {
    verb.add_option("--module-dir", paths.module_folder, "Folder of the PKI modules")
        ->type_name("FOLDER");
    verb.add_option("--pki-host", paths.host_program, "The program that runs a PKI module")
        ->type_name("PROGRAM");
}

void Grammar::describe_generate_key() {
    auto* make =
        verb("generate-key", "Make a key in a file, on a token or in the TPM", generate_key.json,
             "ecryptfsctl generate-key openssl ~/.ecryptfs/key.pem --add\n"
             "  ecryptfsctl generate-key pkcs11 'pkcs11:token=work;object=files'\n"
             "  ecryptfsctl generate-key tpm2 ~/.ecryptfs/tpm.pem --pcrs sha256:7");
    make->add_option("MODULE", generate_key.module, "openssl, pkcs11, tpm2 or another PKI module")
        ->type_name("")
        ->required();
    make->add_option("WHERE", generate_key.where,
                     "The file to make, or a token and the key's name there as a pkcs11: URI")
        ->type_name("")
        ->required();
    make->add_option("--bits", generate_key.bits,
                     "2048, 3072 (default where the device can) or 4096")
        ->type_name("BITS")
        ->check(CLI::IsMember({2048U, 3072U, 4096U}).description(""));
    make->add_option("--pcrs", generate_key.pcrs,
                     "TPM only: the key works while these PCRs stay as they are, as sha256:7+11")
        ->type_name("BANK:PCR+PCR");
    add_passphrase_option(*make, generate_key.passphrase_file);
    make->add_flag("--no-passphrase", generate_key.no_passphrase,
                   "Make a key that needs no passphrase or PIN")
        ->excludes("--passphrase-file");
    make->add_flag("--add", generate_key.add, "Add it at once, and print its signature");
    add_place(*make);
    add_paths(*make);
}

TokenPlace Grammar::place() const {
    TokenPlace chosen{keyring == "session" ? Keyring::kSession : Keyring::kUser, {}};
    if (timeout_seconds != 0) {
        chosen.timeout = std::chrono::seconds(timeout_seconds);
    }
    return chosen;
}

Grammar::Grammar() {
    app.require_subcommand(1);
    app.footer(kExamples);
    app.set_version_flag("--version", "ecryptfsctl " ECRYPTFS_VERSION, "Print the version");

    auto* add = verb("add-key", "Open a key, and put its token where mount finds it", add_key.json,
                     "sig=$(ecryptfsctl add-key ~/.ecryptfs/key.pem)\n"
                     "  ecryptfsctl add-key --keyring session --timeout 3600 "
                     "'pkcs11:token=work;object=files'");
    add->add_option("URI", add_key.uri, "A key file, a file: or a pkcs11: URI (RFC 7512)")
        ->type_name("")
        ->required();
    add->add_option("--module", add_key.module,
                    "PKI module that opens it; found from the URI and the file if not given")
        ->type_name("NAME");
    add_passphrase_option(*add, add_key.passphrase_file);
    add_place(*add);

    describe_generate_key();

    add_paths(*verb("list-tokens", "List what can hold keys: smart cards, HSMs, the TPM",
                    list_tokens.json, "ecryptfsctl list-tokens"));

    auto* list = verb("list-keys", "List the keys that the agent has", list_keys.json,
                      "ecryptfsctl list-keys --json | jq -r '.keys[].signature'\n"
                      "  ecryptfsctl list-keys --available");
    list->add_flag("--available", list_keys.available,
                   "Those on tokens instead, as far as they can be seen without a PIN");
    add_paths(*list);

    add_signature(*verb("remove-key", "Take a key out of the keyrings and the agent",
                        remove_key.json, "ecryptfsctl remove-key fe3467554552491d"),
                  remove_key.signature, true);

    add_signature(*verb("lock", "Forget the secret of a key, or of all; unlock brings it back",
                        lock.json, "ecryptfsctl lock"),
                  lock.signature, false);

    auto* unlock_verb = verb("unlock", "Open a locked key again", unlock.json,
                             "ecryptfsctl unlock fe3467554552491d");
    add_signature(*unlock_verb, unlock.signature, true);
    add_passphrase_option(*unlock_verb, unlock.passphrase_file);

    verb("status", "Show the agent, its device, queue, modules and keys", status.json,
         "ecryptfsctl status --json | jq .queue");
}

Command Grammar::chosen() const {
    const auto verbs = app.get_subcommands();
    const std::string name = verbs.empty() ? "" : verbs.front()->get_name();
    if (name == "add-key") {
        AddKey command = add_key;
        command.place = place();
        return command;
    }
    if (name == "generate-key") {
        GenerateKey command = generate_key;
        command.place = place();
        command.paths = paths;
        return command;
    }
    if (name == "list-tokens") {
        return ListTokens{paths, list_tokens.json};
    }
    if (name == "list-keys") {
        return ListKeys{list_keys.available, paths, list_keys.json};
    }
    if (name == "remove-key") {
        return remove_key;
    }
    if (name == "lock") {
        return lock;
    }
    if (name == "unlock") {
        return unlock;
    }
    return status;
}

std::vector<std::string> verb_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(verb->get_name());
    }
    return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : app.get_options()) {
        for (const auto& name : option->get_lnames()) {
            names.push_back("--" + name);
        }
    }
    return names;
}

// What was left over, in the words of one who typed it.
Error not_understood(const CLI::App& app, const std::string& word) {
    const auto verbs = app.get_subcommands();
    const bool is_option = word.starts_with('-');
    const CLI::App& where = verbs.empty() ? app : *verbs.front();
    const std::string command =
        verbs.empty() ? "ecryptfsctl" : "ecryptfsctl " + verbs.front()->get_name();
    const auto known = is_option       ? option_names(where)
                       : verbs.empty() ? verb_names(app)
                                       : std::vector<std::string>{};
    const auto meant = nearest(word.substr(0, word.find('=')), known);
    const std::string_view kind = is_option       ? "no option"
                                  : verbs.empty() ? "no verb"
                                                  : "one argument too many:";
    return {ErrorCode::kInvalidArgument, fmt::format("{} \"{}\"", kind, word),
            meant ? (is_option ? fmt::format("{} {}", command, *meant)
                               : fmt::format("ecryptfsctl {}", *meant))
                  : fmt::format("{} --help", command)};
}

Error usage_error(const CLI::App& app, const std::string& message) {
    if (const auto left = app.remaining(true); !left.empty()) {
        return not_understood(app, left.front());
    }
    const auto verbs = app.get_subcommands();
    if (verbs.empty()) {
        return {ErrorCode::kInvalidArgument, "a verb is missing", "ecryptfsctl --help"};
    }
    return {ErrorCode::kInvalidArgument, message,
            fmt::format("ecryptfsctl {} --help", verbs.front()->get_name())};
}

}  // namespace

Result<Command> parse_command_line(std::vector<std::string> arguments) {
    Grammar grammar;
    std::ranges::reverse(arguments);  // CLI11 takes them off the back
    try {
        grammar.app.parse(std::move(arguments));
    } catch (const CLI::CallForVersion& version) {
        return ShowText{fmt::format("{}\n", version.what())};
    } catch (const CLI::CallForHelp&) {
        return ShowText{grammar.app.help()};
    } catch (const CLI::ParseError& error) {
        return std::unexpected(usage_error(grammar.app, error.what()));
    }
    return grammar.chosen();
}

base::Result<void> run(const ShowText& command) {
    return print(command.text);
}

int run_command_line(std::vector<std::string> arguments) {
    const auto command = parse_command_line(std::move(arguments));
    auto done = command ? Result<void>() : std::unexpected(command.error());
    if (command) {
        done = std::visit([](const auto& chosen) { return run(chosen); }, *command);
    }
    if (done) {
        return 0;
    }
    report(done.error());
    return base::traits(done.error().code).status;
}

}  // namespace ecryptfs::cli
