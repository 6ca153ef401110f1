// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/recipient_options.h"

#include <fmt/format.h>

namespace ecryptfs::cli {

using base::Error;
using base::ErrorCode;

void add_folder_key_file(CLI::App& parser, std::string& file) {
    add_file(parser, file, "A folder key's file");
}

void add_opening_passphrase(CLI::App& parser, OptionalText& file) {
    add_secret_file(parser, "--passphrase-file", file,
                    "the passphrase or recovery key that opens it");
}

void add_key_options(CLI::App& parser, OptionalText& secret_file, pki::HostPaths& paths) {
    add_secret_file(parser, "--key-passphrase-file", secret_file,
                    "the passphrase or PIN of a private key");
    add_paths(parser, paths);
}

void add_recipient_request(CLI::App& parser, RecipientRequest& request, const char* flag,
                           const char* file_option) {
    request.passphrase_option = file_option;
    add_repeated(parser, "--recipient", request.keys, "URI",
                 "Let this private key open it: a key file, a file: or a pkcs11: URI");
    add_key_options(parser, request.key_secret_file, request.paths);
    auto* asks = parser.add_flag(flag, request.passphrase,
                                 "Let a passphrase open it, and ask for the passphrase");
    add_secret_file(parser, file_option, request.passphrase_file, "that passphrase")
        ->excludes(asks);
    auto* shows = parser.add_flag("--recovery", request.recovery,
                                  "Let a new recovery key open it, and show that on the terminal");
    parser
        .add_option("--recovery-file", request.recovery_file,
                    "The same, and write the recovery key to the new file FILE")
        ->type_name("FILE")
        ->excludes(shows);
}

base::Result<void> check_request(const RecipientRequest& request) {
    if (request.is_empty()) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, "nothing was said that is to open the folder key",
                  fmt::format("for a recovery key: --recovery; for a passphrase: {} FILE",
                              request.passphrase_option)});
    }
    return {};
}

}  // namespace ecryptfs::cli
