// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/status.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "cli/agent/client.h"
#include "cli/mount/current_mounts.h"
#include "cli/output/output.h"
#include "cli/verbs/status_output.h"
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

std::string snapshot_text(const AgentSnapshot& agent) {
    return status_text(agent.manager, agent.objects, known_mounts(), now_usec());
}

// Draws over the last screen of a terminal, without a flicker. Elsewhere one text follows another.
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

// Continues while the agent is gone: then it shows that.
Result<void> watch() {
    std::uint64_t before = 0;
    bool is_first = true;
    while (true) {
        const auto agent = ask_agent();
        const std::uint64_t received = agent ? agent->manager.received : 0;
        const auto rate = is_first || received < before ? 0 : received - before;
        const auto text = agent
                              ? fmt::format("{} requests a second\n{}", rate, snapshot_text(*agent))
                              : fmt::format("{}\n", printable(agent.error().message));
        TRY(print(screen(text)));
        before = received;
        is_first = false;
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

// What can be shown without an agent.
void show_mounts() {
    const auto mounts = mounts_text(known_mounts(), {});
    if (!mounts.empty()) {
        static_cast<void>(print(fmt::format("mounts\n{}", mounts)));
    }
}

}  // namespace

void add_options(CLI::App& parser, StatusOptions& options) {
    add_json(parser, options.json);
    parser.add_flag("--watch", options.watch, "Show it again each second, and requests per second")
        ->excludes("--json");
}

Result<void> run(const StatusOptions& options) {
    if (options.watch) {
        return watch();
    }
    const auto agent = ask_agent();
    if (!agent) {
        if (!options.json) {
            show_mounts();
        }
        return std::unexpected(agent.error());
    }
    const auto printed =
        print(options.json ? status_json(agent->manager, agent->objects, known_mounts())
                           : snapshot_text(*agent));
    return printed ? device_ready(agent->manager) : printed;
}

}  // namespace ecryptfs::cli
