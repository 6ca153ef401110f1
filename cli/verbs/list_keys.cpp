// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/client.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/output/tables.h"
#include "cli/output/token_items.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {

namespace {

base::Result<void> list_available(const ListKeys& command) {
    const auto keys = TRY(list_items(command.paths, pki::ItemKind::kKeys));
    if (command.json) {
        return print(item_list_json("keys", keys));
    }
    return print(keys.empty() ? "no keys that can be seen without a PIN\n" : items_text(keys));
}

}  // namespace

base::Result<void> run(const ListKeys& command) {
    if (command.available) {
        return list_available(command);
    }
    auto agent = TRY(AgentClient::connect());
    const auto objects = TRY(agent.objects());
    return print(command.json ? key_list_json(objects.keys) : key_list_text(objects.keys));
}

}  // namespace ecryptfs::cli
