// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/add_key.h"

#include "cli/ask/secret_source.h"
#include "cli/input/key_location.h"
#include "cli/verbs/add_to_agent.h"
#include "cli/verbs/library_consent.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {

void add_options(CLI::App& parser, AddKeyOptions& options) {
    add_json(parser, options.json);
    parser.add_option("URI", options.uri, "A key file, a file: or a pkcs11: URI (RFC 7512)")
        ->type_name("")
        ->required();
    parser
        .add_option("--module", options.module,
                    "PKI module that opens it; by default found from the URI and the file")
        ->type_name("NAME");
    add_secret_file(parser, "--passphrase-file", options.passphrase_file, kPassphraseOrPin);
    add_place(parser, options.place);
    add_allow_library(parser, options.allowed_libraries);
}

base::Result<void> run(const AddKeyOptions& options) {
    TRY(allow_libraries(options.allowed_libraries));
    const auto location = TRY(locate_key(options.uri, options.module));
    const auto with_secret = [&](const OpenKeyWith& open) {
        return open_with_secret({options.passphrase_file, location}, open);
    };
    return add_to_agent(location, with_secret, options.place.place(), options.json);
}

}  // namespace ecryptfs::cli
