// SPDX-License-Identifier: Apache-2.0
//
// The verbs of ecryptfsctl: what each was told to do, and the function that does it. A verb prints
// its data and succeeds, or gives the error that ends the program.

#pragma once

#include <string>

#include "cli/token_writer.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

struct AddKey {
    std::string uri;
    std::string module = {};           // empty: found from the URI
    std::string passphrase_file = {};  // empty: none
    TokenPlace place = {};
    bool json = false;
};

struct ListKeys {
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
base::Result<void> run(const ListKeys& command);
base::Result<void> run(const RemoveKey& command);
base::Result<void> run(const Lock& command);
base::Result<void> run(const Unlock& command);
base::Result<void> run(const Status& command);

// A signature as typed: upper case will do. kInvalidArgument for anything else.
base::Result<wire::KeySignature> typed_signature(const std::string& text);

}  // namespace ecryptfs::cli
