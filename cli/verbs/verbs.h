// SPDX-License-Identifier: Apache-2.0
//
// The verbs of ecryptfsctl: what each was told to do, and the function that does it. A verb prints
// its data and succeeds, or gives the error that ends the program.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/keyring/token_writer.h"
#include "lib/pki/host_process.h"

namespace ecryptfs::cli {

struct AddKey {
    std::string uri;
    std::string module = {};           // empty: found from the URI
    std::string passphrase_file = {};  // empty: none
    keyring::TokenPlace place = {};
    bool json = false;
};

struct GenerateKey {
    std::string module;
    std::string where;       // a path, or a URI that the module takes
    std::uint32_t bits = 0;  // 0: the module's choice
    std::string pcrs = {};   // empty: none
    std::string passphrase_file = {};
    bool no_passphrase = false;
    bool add = false;
    keyring::TokenPlace place = {};
    pki::HostPaths paths = {};
    bool json = false;
};

struct ListTokens {
    pki::HostPaths paths = {};
    bool json = false;
};

struct ListKeys {
    bool available = false;  // those on tokens, rather than those the agent has
    pki::HostPaths paths = {};
    bool json = false;
};

struct RemoveKey {
    std::string signature;
    bool json = false;
};

struct Lock {
    std::string signature = {};  // empty: every key
    bool json = false;
};

struct Unlock {
    std::string signature;
    std::string passphrase_file = {};
    bool json = false;
};

struct Status {
    bool watch = false;  // until it is interrupted
    bool json = false;
};

struct Doctor {
    pki::HostPaths paths = {};
    bool json = false;
};

// What a mount passphrase is read from; all empty: it is asked for.
struct AddPassphrase {
    std::string passphrase_file = {};
    std::string wrapped = {};        // a wrapped-passphrase file
    std::string wrapping_file = {};  // holds the passphrase that opens it
    std::string salt = {};           // 16 hexadecimal digits; empty: the default
    bool fnek = false;               // the key for names too
    keyring::TokenPlace place = {};
    bool json = false;
};

struct WrapPassphrase {
    std::string file;
    std::string passphrase_file = {};
    std::string wrapping_file = {};
    bool json = false;
};

struct UnwrapPassphrase {
    std::string file;
    std::string wrapping_file = {};
};

struct RewrapPassphrase {
    std::string file;
    std::string wrapping_file = {};
    std::string new_wrapping_file = {};
    bool upgrade = false;  // keeps the wrapping passphrase
    bool json = false;
};

// Mount passphrases; several of each, and all of them are tried.
struct PassphraseSources {
    bool passphrase = false;                         // ask for one
    std::vector<std::string> passphrase_files = {};  // with one on the first line
    std::vector<std::string> wrapped = {};           // wrapped-passphrase files
    std::vector<std::string> wrapping_files = {};    // in their order; those without are asked for
    std::string salt = {};                           // 16 hexadecimal digits; empty: the default
};

struct Inspect {
    std::vector<std::string> paths;
    bool all = false;               // not only what has a fault
    std::vector<std::string> find;  // plain paths, whose lower ones are looked for
    PassphraseSources passphrases = {};
    bool json = false;
};

struct Decrypt {
    std::vector<std::string> lower;                      // files and folders
    std::string output;                                  // a folder, or - for standard output
    std::vector<std::string> only = {};                  // paths in plain names; empty: all
    bool beyond_size = false;                            // save what lies behind the end of files
    std::vector<std::string> keys = {};                  // URIs
    std::vector<std::string> key_passphrase_files = {};  // in the keys' order
    PassphraseSources passphrases = {};
    pki::HostPaths paths = {};
    bool json = false;
};

// How a lower folder is mounted; what is empty or not set is as it is remembered.
struct Mount {
    std::string lower;
    std::string upper = {};
    std::vector<std::string> keys = {};      // signatures
    std::vector<std::string> recovery = {};  // of keys that open every new file too
    std::string fnek = {};
    std::string cipher = {};
    unsigned key_bytes = 0;
    bool xattr = false;
    bool passthrough = false;
    bool encrypted_view = false;
    bool read_only = false;
    bool keep_keys = false;  // when it is unmounted
    bool fresh = false;      // nothing is remembered
    bool force = false;
    bool print_options = false;
    bool print_fstab = false;
    std::string user = {};
    bool json = false;
};

struct Unmount {
    std::string folder;  // upper or lower
    bool lazy = false;
    bool keep_keys = false;
    bool unlink_keys = false;
    std::string user = {};
    bool json = false;
};

base::Result<void> run(const Mount& command);
base::Result<void> run(const Unmount& command);
base::Result<void> run(const AddKey& command);
base::Result<void> run(const AddPassphrase& command);
base::Result<void> run(const WrapPassphrase& command);
base::Result<void> run(const UnwrapPassphrase& command);
base::Result<void> run(const RewrapPassphrase& command);
base::Result<void> run(const Inspect& command);
base::Result<void> run(const Decrypt& command);
base::Result<void> run(const GenerateKey& command);
base::Result<void> run(const ListTokens& command);
base::Result<void> run(const ListKeys& command);
base::Result<void> run(const RemoveKey& command);
base::Result<void> run(const Lock& command);
base::Result<void> run(const Unlock& command);
base::Result<void> run(const Status& command);
base::Result<void> run(const Doctor& command);

// A signature as typed: upper case will do. kInvalidArgument for anything else.
base::Result<wire::KeySignature> typed_signature(const std::string& text);

}  // namespace ecryptfs::cli
