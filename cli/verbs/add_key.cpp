// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/add_key.h"

#include <nlohmann/json.hpp>

#include "cli/ask/secret_source.h"
#include "cli/input/key_location.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "cli/verbs/add_to_agent.h"
#include "cli/verbs/library_consent.h"
#include "cli/verbs/open_folder.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

base::Result<void> add_folder_key_file(const AddKeyOptions& options) {
    if (options.place.keyring != "user") {
        return std::unexpected(base::Error{base::ErrorCode::kInvalidArgument,
                                           "a folder key goes into the user keyring",
                                           "leave --keyring out"});
    }
    const auto folder =
        TRY(open_folder(options.uri, {options.passphrase_file, options.key_secret_file},
                        options.paths, options.place.place().timeout));
    const auto contents = std::string(folder.contents.signature.text());
    const auto names = std::string(folder.names.signature.text());
    return print(options.json ? json_line({{"signature", contents}, {"names", names}})
                              : contents + "\n" + names + "\n");
}

}  // namespace

void add_options(CLI::App& parser, AddKeyOptions& options) {
    add_json(parser, options.json);
    parser
        .add_option("URI", options.uri,
                    "A key file, a file: or a pkcs11: URI (RFC 7512), a folder key")
        ->type_name("")
        ->required();
    parser
        .add_option("--module", options.module,
                    "PKI module that opens it; by default found from the URI and the file")
        ->type_name("NAME");
    add_secret_file(parser, "--passphrase-file", options.passphrase_file, kPassphraseOrPin);
    add_secret_file(parser, "--key-passphrase-file", options.key_secret_file,
                    "the passphrase or PIN of a private key that opens a folder key");
    add_paths(parser, options.paths);
    add_place(parser, options.place);
    add_allow_library(parser, options.allowed_libraries);
}

base::Result<void> run(const AddKeyOptions& options) {
    TRY(allow_libraries(options.allowed_libraries));
    if (is_folder_key_file(options.uri)) {
        return add_folder_key_file(options);
    }
    const auto location = TRY(locate_key(options.uri, options.module));
    const auto with_secret = [&](const OpenKeyWith& open) {
        return open_with_secret({options.passphrase_file, location}, open);
    };
    return add_to_agent(location, with_secret, options.place.place(), options.json);
}

}  // namespace ecryptfs::cli
