// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/list_keys.h"

#include "cli/agent/client.h"
#include "cli/agent/key_list.h"
#include "cli/output/output.h"
#include "cli/verbs/library_consent.h"
#include "cli/verbs/token_items.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

base::Result<void> list_available(const ListKeysOptions& options) {
    const auto keys = TRY(list_items(options.paths, pki::ItemKind::kKeys));
    if (options.json) {
        return print(item_list_json("keys", keys));
    }
    return print(keys.empty() ? "no keys that can be seen without a PIN\n" : items_text(keys));
}

}  // namespace

void add_options(CLI::App& parser, ListKeysOptions& options) {
    add_json(parser, options.json);
    parser.add_flag("--available", options.available,
                    "List keys on tokens instead, if they can be seen without a PIN");
    add_allow_library(parser, options.allowed_libraries);
    add_paths(parser, options.paths);
}

base::Result<void> run(const ListKeysOptions& options) {
    TRY(allow_libraries(options.allowed_libraries));
    if (options.available) {
        return list_available(options);
    }
    auto agent = TRY(AgentClient::connect());
    const auto objects = TRY(agent.objects());
    return print(options.json ? key_list_json(objects.keys) : key_list_text(objects.keys));
}

}  // namespace ecryptfs::cli
