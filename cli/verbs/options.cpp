// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/options.h"

#include <fmt/format.h>

#include <chrono>
#include <limits>

namespace ecryptfs::cli {
namespace {

constexpr char kSignatureHelp[] = "The key's signature: 16 hexadecimal digits";

// CLI11's form: what is wrong, or nothing.
std::string check_keyring(const std::string& typed) {
    return typed == "user" || typed == "session" ? "" : "user or session, not " + typed;
}

}  // namespace

void add_json(CLI::App& parser, bool& json) {
    parser.add_flag("--json", json, "Print JSON (docs/json.md)");
}

void add_signature(CLI::App& parser, std::string& signature) {
    parser.add_option("SIG", signature, kSignatureHelp)->type_name("")->required();
}

void add_signature(CLI::App& parser, OptionalText& signature) {
    parser.add_option("SIG", signature, kSignatureHelp)->type_name("");
}

void add_file(CLI::App& parser, std::string& file, const char* what) {
    parser.add_option("FILE", file, what)->type_name("")->required();
}

void add_repeated(CLI::App& parser, const char* name, std::vector<std::string>& values,
                  const char* value_name, const char* what) {
    parser.add_option(name, values, what)->type_name(value_name)->allow_extra_args(false);
}

CLI::Option* add_secret_file(CLI::App& parser, const char* name, OptionalText& file,
                             const char* what) {
    return parser
        .add_option(name, file,
                    fmt::format("Read {} from the first line of FILE, - for standard input", what))
        ->type_name("FILE");
}

void add_salt(CLI::App& parser, OptionalText& salt) {
    parser
        .add_option("--salt", salt,
                    "Salt of the key for contents: 16 hexadecimal digits, by default "
                    "0011223344556677")
        ->type_name("HEX");
}

void add_passphrase_sources(CLI::App& parser, PassphraseSources& sources) {
    parser.add_flag("--passphrase", sources.passphrase, "Ask for a mount passphrase");
    add_repeated(parser, "--passphrase-file", sources.passphrase_files, "FILE",
                 "Read a mount passphrase from the first line of FILE, - for standard input");
    add_repeated(parser, "--wrapped", sources.wrapped, "FILE",
                 "Take the mount passphrase from FILE, such as ~/.ecryptfs/wrapped-passphrase; "
                 "may be given several times");
    add_repeated(parser, "--wrapping-passphrase-file", sources.wrapping_files, "FILE",
                 "Read the first --wrapped's wrapping passphrase from the first line of FILE, - "
                 "for standard input; may be given once for each --wrapped");
    add_salt(parser, sources.salt);
}

void add_key_sources(CLI::App& parser, std::vector<std::string>& keys,
                     std::vector<std::string>& passphrase_files) {
    add_repeated(parser, "--key", keys, "URI",
                 "A private key: a file, a file: or a pkcs11: URI; may be given several times");
    add_repeated(parser, "--key-passphrase-file", passphrase_files, "FILE",
                 "Read the first --key's passphrase or PIN from the first line of FILE; may be "
                 "given once for each --key");
}

keyring::TokenPlace PlaceOptions::place() const {
    keyring::TokenPlace chosen{
        keyring == "session" ? keyring::Keyring::kSession : keyring::Keyring::kUser, {}};
    if (timeout_seconds) {
        chosen.timeout = std::chrono::seconds(*timeout_seconds);
    }
    return chosen;
}

void add_place(CLI::App& parser, PlaceOptions& options) {
    parser
        .add_option("--keyring", options.keyring,
                    "Where the token goes: user (all your sessions; default) or session")
        ->type_name("KEYRING")
        ->check(check_keyring);
    parser
        .add_option("--timeout", options.timeout_seconds,
                    "Let the kernel drop the token after SECONDS")
        ->type_name("SECONDS")
        ->check(CLI::Range(1U, std::numeric_limits<std::uint32_t>::max()).description(""));
}

void add_paths(CLI::App& parser, pki::HostPaths& paths) {
    paths = {ECRYPTFS_LIBEXECDIR "/ecryptfs-pki-host", ECRYPTFS_MODULEDIR};
    parser.add_option("--module-dir", paths.module_folder, "Folder of the PKI modules")
        ->type_name("FOLDER");
    parser.add_option("--pki-host", paths.host_program, "The program that runs a PKI module")
        ->type_name("PROGRAM");
}

void add_allow_library(CLI::App& parser, std::vector<std::string>& libraries) {
    add_repeated(parser, "--allow-library", libraries, "PATH",
                 "Let the library PATH, which is not root's, open your keys from now on");
}

void add_user(CLI::App& parser, OptionalText& user) {
    parser
        .add_option("--user", user,
                    "Whose keys and agent to use; by default those of the caller of sudo")
        ->type_name("USER");
}

}  // namespace ecryptfs::cli
