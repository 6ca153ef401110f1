// SPDX-License-Identifier: Apache-2.0

#include "cli/agent_client.h"
#include "cli/json_output.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "cli/verbs.h"

namespace ecryptfs::cli {

base::Result<void> run(const ListKeys& command) {
    auto agent = AgentClient::connect();
    if (!agent) {
        return std::unexpected(agent.error());
    }
    const auto objects = agent->objects();
    if (!objects) {
        return std::unexpected(objects.error());
    }
    return print(command.json ? key_list_json(objects->keys) : key_list_text(objects->keys));
}

}  // namespace ecryptfs::cli
