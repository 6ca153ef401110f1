// SPDX-License-Identifier: Apache-2.0
//
// The verbs of ecryptfsctl: what each was told to do, and the function that does it. A verb prints
// its data and succeeds, or gives the error that ends the program.

#pragma once

#include <cstdint>
#include <string>

#include "cli/token_writer.h"
#include "lib/base/error.h"
#include "lib/pki/host_process.h"

namespace ecryptfs::cli {

struct AddKey {
    std::string uri;
    std::string module = {};           // empty: found from the URI
    std::string passphrase_file = {};  // empty: none
    TokenPlace place = {};
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
    TokenPlace place = {};
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
    bool json = false;
};

base::Result<void> run(const AddKey& command);
base::Result<void> run(const GenerateKey& command);
base::Result<void> run(const ListTokens& command);
base::Result<void> run(const ListKeys& command);
base::Result<void> run(const RemoveKey& command);
base::Result<void> run(const Lock& command);
base::Result<void> run(const Unlock& command);
base::Result<void> run(const Status& command);

// A signature as typed: upper case will do. kInvalidArgument for anything else.
base::Result<wire::KeySignature> typed_signature(const std::string& text);

}  // namespace ecryptfs::cli
