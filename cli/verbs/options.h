// SPDX-License-Identifier: Apache-2.0
//
// Options that several verbs have. CLI11 is slow to compile: only the verbs and the parser include
// this.

#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/files/passphrase_sources.h"
#include "lib/keyring/token_writer.h"
#include "lib/pki/host_process.h"

namespace ecryptfs::cli {

inline constexpr char kPassphraseOrPin[] = "the passphrase or PIN";
inline constexpr char kMountPassphrase[] = "the mount passphrase";
inline constexpr char kWrappingPassphrase[] = "the wrapping passphrase";

using OptionalText = std::optional<std::string>;

// --json
void add_json(CLI::App& parser, bool& json);

// SIG, an argument.
void add_signature(CLI::App& parser, std::string& signature);
void add_signature(CLI::App& parser, OptionalText& signature);

// FILE, an argument.
void add_file(CLI::App& parser, std::string& file, const char* what);

// --NAME VALUE, one value each time it is given, however many arguments follow.
void add_repeated(CLI::App& parser, const char* name, std::vector<std::string>& values,
                  const char* value_name, const char* what);

// --NAME FILE, for a file with a secret on its first line.
CLI::Option* add_secret_file(CLI::App& parser, const char* name, OptionalText& file,
                             const char* what);

// --salt
void add_salt(CLI::App& parser, OptionalText& salt);

// --passphrase, --passphrase-file, --wrapped and its passphrase, --salt: for verbs that try
// several.
void add_passphrase_sources(CLI::App& parser, PassphraseSources& sources);

// --key and --key-passphrase-file: private keys that open lower files.
void add_key_sources(CLI::App& parser, std::vector<std::string>& keys,
                     std::vector<std::string>& passphrase_files);

// --keyring and --timeout
struct PlaceOptions {
    std::string keyring = "user";
    std::optional<std::uint32_t> timeout_seconds;

    keyring::TokenPlace place() const;
};
void add_place(CLI::App& parser, PlaceOptions& options);

// --module-dir and --pki-host, for verbs that run PKI modules without the agent. The default is
// what is installed.
void add_paths(CLI::App& parser, pki::HostPaths& paths);

// --allow-library, for verbs that may open keys.
void add_allow_library(CLI::App& parser, std::vector<std::string>& libraries);

// --user
void add_user(CLI::App& parser, OptionalText& user);

}  // namespace ecryptfs::cli
