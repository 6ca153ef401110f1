// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "cli/agent/client.h"
#include "cli/mount/mounted_folder.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/output/tables.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Result;

std::uint64_t now_usec() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

std::vector<MountedFolder> known_mounts() {
    return mounted_folders().value_or(std::vector<MountedFolder>{});
}

std::string text_of(const AgentSnapshot& agent) {
    return status_text(agent.manager, agent.objects, known_mounts(), now_usec());
}

// One screen of a terminal over the last, without a flicker; elsewhere one text behind the other.
std::string screen(const std::string& text) {
    const auto& style = output_style();
    if (style.rows == 0) {
        return text + "\n";
    }
    std::string result = "\x1b[H";
    std::size_t rows = 1;
    for (std::size_t start = 0; start < text.size() && rows < style.rows; ++rows) {
        const auto end = text.find('\n', start);
        result += text.substr(start, end - start) + "\x1b[K\n";
        start = end + 1;
    }
    return result + "\x1b[J";
}

// Goes on when the agent is gone for a while: then that is what there is to see.
Result<void> watch() {
    std::uint64_t before = 0;
    bool is_first = true;
    while (true) {
        const auto agent = ask_agent();
        const std::uint64_t received = agent ? agent->manager.received : 0;
        const auto rate = is_first || received < before ? 0 : received - before;
        const auto text = agent ? fmt::format("{} requests a second\n{}", rate, text_of(*agent))
                                : fmt::format("{}\n", printable(agent.error().message));
        TRY(print(screen(text)));
        before = received;
        is_first = false;
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

// What there is to say without an agent.
void show_mounts() {
    const auto mounts = mounts_text(known_mounts(), {});
    if (!mounts.empty()) {
        static_cast<void>(print(fmt::format("mounts\n{}", mounts)));
    }
}

}  // namespace

Result<void> run(const Status& command) {
    if (command.watch) {
        return watch();
    }
    const auto agent = ask_agent();
    if (!agent) {
        if (!command.json) {
            show_mounts();
        }
        return std::unexpected(agent.error());
    }
    const auto printed =
        print(command.json ? status_json(agent->manager, agent->objects, known_mounts())
                           : text_of(*agent));
    return printed ? device_ready(agent->manager) : printed;
}

}  // namespace ecryptfs::cli
