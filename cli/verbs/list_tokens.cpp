// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/list_tokens.h"

#include "cli/output/output.h"
#include "cli/verbs/library_consent.h"
#include "cli/verbs/token_items.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {

void add_options(CLI::App& parser, ListTokensOptions& options) {
    add_json(parser, options.json);
    add_allow_library(parser, options.allowed_libraries);
    add_paths(parser, options.paths);
}

base::Result<void> run(const ListTokensOptions& options) {
    TRY(allow_libraries(options.allowed_libraries));
    const auto tokens = TRY(list_items(options.paths, pki::ItemKind::kTokens));
    if (options.json) {
        return print(item_list_json("tokens", tokens));
    }
    return print(tokens.empty() ? "no tokens; a key file needs none: ecryptfsctl generate-key "
                                  "openssl FILE\n"
                                : items_text(tokens));
}

}  // namespace ecryptfs::cli
