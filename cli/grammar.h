// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

#include "cli/command_line.h"

namespace ecryptfs::cli {

// The parser and what it fills in. command_line.cpp alone includes this and those that describe
// the verbs: CLI11 is slow to compile.
struct Grammar {
    CLI::App app{"Keys for eCryptfs, held by ecryptfs-agent", "ecryptfsctl"};

    // Options that several verbs have.
    std::string keyring = "user";
    std::uint32_t timeout_seconds = 0;
    pki::HostPaths paths;
    CommonOptions common;

    AddKey add_key;
    GenerateKey generate_key;
    ListTokens list_tokens;
    ListKeys list_keys;
    RemoveKey remove_key;
    Lock lock;
    Unlock unlock;
    Status status;
    Doctor doctor;
    AddPassphrase add_passphrase;
    WrapPassphrase wrap_passphrase;
    UnwrapPassphrase unwrap_passphrase;
    RewrapPassphrase rewrap_passphrase;
    Inspect inspect;
    Decrypt decrypt;
    Mount mount;
    Unmount unmount;

    explicit Grammar(pki::HostPaths default_paths);

    // What the verb that was typed comes to.
    Command chosen() const;

    // A verb whose options fill `options` in, and which then makes the command.
    template <typename Verb>
    CLI::App* verb(const char* name, const char* description, Verb& options, const char* example) {
        return verb(name, description, options, example, [&options] { return options; });
    }
    template <typename Verb, typename Make>
    CLI::App* verb(const char* name, const char* description, Verb& options, const char* example,
                   Make make) {
        auto* made = plain_verb(name, description, example, make);
        made->add_flag("--json", options.json, "Print JSON (docs/json.md)");
        return made;
    }
    // One without --json.
    CLI::App* plain_verb(const char* name, const char* description, const char* example,
                         std::function<Command()> make);

    void add_place(CLI::App& verb);
    void add_paths(CLI::App& verb);
    void add_allow_library(CLI::App& verb);
    keyring::TokenPlace place() const;

    void add_manners();

    void describe_key_verbs();
    void describe_passphrase_verbs();
    void describe_file_verbs();
    void describe_mount_verbs();

  private:
    std::map<std::string, std::function<Command()>> makers_;  // by verb
};

// An option that names a file with a secret on its first line.
CLI::Option* add_secret_file(CLI::App& verb, const char* name, std::string& file, const char* what);

}  // namespace ecryptfs::cli
