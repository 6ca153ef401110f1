// SPDX-License-Identifier: Apache-2.0

#include "cli/grammar.h"

#include <fmt/format.h>

#include <limits>

namespace ecryptfs::cli {
namespace {

constexpr char kPassphraseOrPin[] = "the passphrase or PIN";

constexpr char kExamples[] = R"(Examples:
  ecryptfsctl add-key ~/.ecryptfs/key.pem         print the key's signature, for mount
  ecryptfsctl list-keys                           what the agent has
  ecryptfsctl lock                                before leaving the machine
  ecryptfsctl unlock fe3467554552491d             and back again
  ecryptfsctl remove-key fe3467554552491d         done with it
  ecryptfsctl status --json | jq .queue.failed    for scripts

Exit codes are those of docs/errors.md. Data goes to standard output, all else to standard error.)";

void add_signature(CLI::App& verb, std::string& signature, bool required) {
    verb.add_option("SIG", signature, "The key's signature: 16 hexadecimal digits")
        ->type_name("")
        ->required(required);
}

// CLI11's form: what is wrong, or nothing.
std::string known_keyring(const std::string& typed) {
    return typed == "user" || typed == "session" ? "" : "user or session, not " + typed;
}

void describe_generate_key(Grammar& grammar) {
    auto& options = grammar.generate_key;
    auto* make =
        grammar.verb("generate-key", "Make a key in a file, on a token or in the TPM", options,
                     "ecryptfsctl generate-key openssl ~/.ecryptfs/key.pem --add\n"
                     "  ecryptfsctl generate-key pkcs11 'pkcs11:token=work;object=files'\n"
                     "  ecryptfsctl generate-key tpm2 ~/.ecryptfs/tpm.pem --pcrs sha256:7",
                     [&grammar] {
                         GenerateKey command = grammar.generate_key;
                         command.place = grammar.place();
                         command.paths = grammar.paths;
                         return command;
                     });
    make->add_option("MODULE", options.module, "openssl, pkcs11, tpm2 or another PKI module")
        ->type_name("")
        ->required();
    make->add_option("WHERE", options.where,
                     "The file to make, or a token and the key's name there as a pkcs11: URI")
        ->type_name("")
        ->required();
    make->add_option("--bits", options.bits, "2048, 3072 (default where the device can) or 4096")
        ->type_name("BITS")
        ->check(CLI::IsMember({2048U, 3072U, 4096U}).description(""));
    make->add_option("--pcrs", options.pcrs,
                     "TPM only: the key works while these PCRs stay as they are, as sha256:7+11")
        ->type_name("BANK:PCR+PCR");
    add_secret_file(*make, "--passphrase-file", options.passphrase_file, kPassphraseOrPin);
    make->add_flag("--no-passphrase", options.no_passphrase,
                   "Make a key that needs no passphrase or PIN")
        ->excludes("--passphrase-file");
    auto* add = make->add_flag("--add", options.add, "Add it at once, and print its signature");
    grammar.add_place(*make);
    make->get_option("--keyring")->needs(add);
    make->get_option("--timeout")->needs(add);
    grammar.add_allow_library(*make);
    grammar.add_paths(*make);
}

void describe_add_key(Grammar& grammar) {
    auto& options = grammar.add_key;
    auto* add =
        grammar.verb("add-key", "Open a key, and put its token where mount finds it", options,
                     "sig=$(ecryptfsctl add-key ~/.ecryptfs/key.pem)\n"
                     "  ecryptfsctl add-key --keyring session --timeout 3600 "
                     "'pkcs11:token=work;object=files'",
                     [&grammar] {
                         AddKey command = grammar.add_key;
                         command.place = grammar.place();
                         return command;
                     });
    add->add_option("URI", options.uri, "A key file, a file: or a pkcs11: URI (RFC 7512)")
        ->type_name("")
        ->required();
    add->add_option("--module", options.module,
                    "PKI module that opens it; found from the URI and the file if not given")
        ->type_name("NAME");
    add_secret_file(*add, "--passphrase-file", options.passphrase_file, kPassphraseOrPin);
    grammar.add_place(*add);
    grammar.add_allow_library(*add);
}

}  // namespace

CLI::Option* add_secret_file(CLI::App& verb, const char* name, std::string& file,
                             const char* what) {
    return verb
        .add_option(name, file,
                    fmt::format("Read {} from the first line of FILE, - for standard input", what))
        ->type_name("FILE");
}

CLI::App* Grammar::plain_verb(const char* name, const char* description, const char* example,
                              std::function<Command()> make) {
    auto* verb = app.add_subcommand(name, description);
    verb->footer(fmt::format("Example:\n  {}", example));
    makers_[name] = std::move(make);
    return verb;
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

void Grammar::add_allow_library(CLI::App& verb) {
    verb.add_option("--allow-library", common.allowed_libraries,
                    "From now on let the library PATH, which is not root's, open your keys")
        ->type_name("PATH")
        ->allow_extra_args(false);
}

// The verbs that run PKI modules by themselves, without the agent.
void Grammar::add_paths(CLI::App& verb) {
    verb.add_option("--module-dir", paths.module_folder, "Folder of the PKI modules")
        ->type_name("FOLDER");
    verb.add_option("--pki-host", paths.host_program, "The program that runs a PKI module")
        ->type_name("PROGRAM");
}

keyring::TokenPlace Grammar::place() const {
    keyring::TokenPlace chosen{
        keyring == "session" ? keyring::Keyring::kSession : keyring::Keyring::kUser, {}};
    if (timeout_seconds != 0) {
        chosen.timeout = std::chrono::seconds(timeout_seconds);
    }
    return chosen;
}

Grammar::Grammar(pki::HostPaths default_paths) : paths(std::move(default_paths)) {
    app.require_subcommand(1);
    app.footer(kExamples);
    describe_key_verbs();
    describe_passphrase_verbs();
    describe_file_verbs();
    describe_mount_verbs();
    auto* status_verb =
        verb("status", "Show the agent, its device, queue, modules and keys, and the mounts",
             status, "ecryptfsctl status --json | jq .queue\n  ecryptfsctl status --watch");
    status_verb
        ->add_flag("--watch", status.watch, "Show it anew each second, and requests a second")
        ->excludes("--json");
    add_paths(*verb("doctor", "Look at every link from the kernel to the keys; say how to mend it",
                    doctor, "ecryptfsctl doctor", [this] { return Doctor{paths, doctor.json}; }));
    add_manners();
}

// Of every verb; --askpass of those that may ask, which have files to take the answer from instead.
void Grammar::add_manners() {
    for (auto* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
        const auto options = verb->get_options([](const CLI::Option* option) {
            return option->get_name().ends_with("passphrase-file");
        });
        if (!options.empty()) {
            verb->add_option("--askpass", common.askpass,
                             "Have PROGRAM ask: a pinentry, ssh-askpass, systemd-ask-password")
                ->type_name("PROGRAM");
        }
        verb->add_flag("--quiet", common.quiet, "No warnings, notes and progress bars");
    }
}

void Grammar::describe_key_verbs() {
    describe_add_key(*this);
    describe_generate_key(*this);
    auto* tokens =
        verb("list-tokens", "List what can hold keys: smart cards, HSMs, the TPM", list_tokens,
             "ecryptfsctl list-tokens", [this] { return ListTokens{paths, list_tokens.json}; });
    add_allow_library(*tokens);
    add_paths(*tokens);
    auto* list = verb("list-keys", "List the keys that the agent has", list_keys,
                      "ecryptfsctl list-keys --json | jq -r '.keys[].signature'\n"
                      "  ecryptfsctl list-keys --available",
                      [this] { return ListKeys{list_keys.available, paths, list_keys.json}; });
    list->add_flag("--available", list_keys.available,
                   "Those on tokens instead, as far as they can be seen without a PIN");
    add_allow_library(*list);
    add_paths(*list);
    add_signature(*verb("remove-key", "Take a key out of the keyrings and the agent", remove_key,
                        "ecryptfsctl remove-key fe3467554552491d"),
                  remove_key.signature, true);
    add_signature(*verb("lock", "Forget the secret of a key, or of all; unlock brings it back",
                        lock, "ecryptfsctl lock"),
                  lock.signature, false);
    auto* unlock_verb =
        verb("unlock", "Open a locked key again", unlock, "ecryptfsctl unlock fe3467554552491d");
    add_signature(*unlock_verb, unlock.signature, true);
    add_secret_file(*unlock_verb, "--passphrase-file", unlock.passphrase_file, kPassphraseOrPin);
    add_allow_library(*unlock_verb);
}

Command Grammar::chosen() const {
    return makers_.at(app.get_subcommands().front()->get_name())();
}

}  // namespace ecryptfs::cli
