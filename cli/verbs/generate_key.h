// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"
#include "lib/pki/client/key_location.h"

namespace ecryptfs::cli {

struct GenerateKeyOptions {
    static constexpr VerbText kText{
        "generate-key", "Make a key in a file, on a token or in the TPM",
        "ecryptfsctl generate-key openssl ~/.ecryptfs/key.pem --add\n"
        "ecryptfsctl generate-key pkcs11 'pkcs11:token=work;object=files'\n"
        "ecryptfsctl generate-key tpm2 ~/.ecryptfs/tpm.pem --pcrs sha256:7"};

    std::string module;
    std::string where;                  // a path, or a URI that the module takes
    std::optional<std::uint32_t> bits;  // none: the module's choice
    OptionalText curve;                 // none: RSA
    OptionalText pcrs;
    OptionalText passphrase_file;
    bool no_passphrase = false;
    bool add = false;
    PlaceOptions place;
    std::vector<std::string> allowed_libraries;
    pki::HostPaths paths;
    bool json = false;
};

void add_options(CLI::App& parser, GenerateKeyOptions& options);
base::Result<void> run(const GenerateKeyOptions& options);

// What --json prints about the new key.
std::string made_key_json(const pki::KeyLocation& key);

}  // namespace ecryptfs::cli
