// SPDX-License-Identifier: Apache-2.0

#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/output/token_items.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {

base::Result<void> run(const ListTokens& command) {
    const auto tokens = TRY(list_items(command.paths, pki::ItemKind::kTokens));
    if (command.json) {
        return print(item_list_json("tokens", tokens));
    }
    return print(tokens.empty() ? "no tokens; a key file needs none: ecryptfsctl generate-key "
                                  "openssl FILE\n"
                                : items_text(tokens));
}

}  // namespace ecryptfs::cli
