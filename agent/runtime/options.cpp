// SPDX-License-Identifier: Apache-2.0

#include "agent/runtime/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::agent {
namespace {

constexpr char kSuspend[] = "suspend";
constexpr char kScreenLock[] = "screen-lock";
constexpr char kLogOut[] = "log-out";

// The options as CLI11 reads them.
struct CommandLine {
    std::string device;
    pki::HostPaths paths;
    std::vector<std::string> lock_on;
    double idle_seconds;
    double reply_within_seconds;
};

double seconds(std::chrono::milliseconds time) {
    return std::chrono::duration<double>(time).count();
}

std::chrono::milliseconds milliseconds(double seconds) {
    return std::chrono::milliseconds(static_cast<int>(seconds * 1000));
}

void describe(CLI::App& app, CommandLine& line) {
    app.add_option("--device", line.device, "the kernel's device")
        ->type_name("FILE")
        ->capture_default_str();
    app.add_option("--module-dir", line.paths.module_folder, "folder of the PKI modules")
        ->type_name("FOLDER")
        ->capture_default_str();
    app.add_option("--lock-on", line.lock_on,
                   fmt::format("what locks all keys: {}, {}, {}; none for nothing", kSuspend,
                               kScreenLock, kLogOut))
        ->type_name("EVENT,...")
        ->delimiter(',')
        ->default_str(fmt::format("{},{}", kSuspend, kLogOut))
        ->check(CLI::IsMember({kSuspend, kScreenLock, kLogOut, "none"}).description(""));
    app.add_option("--pki-host", line.paths.host_program, "the program that runs a PKI module")
        ->type_name("PROGRAM")
        ->capture_default_str();
    app.add_option("--host-idle-time", line.idle_seconds,
                   "seconds after which a PKI module's process that nobody needs is ended")
        ->type_name("SECONDS")
        ->capture_default_str()
        ->check(CLI::Range(0.1, 86400.0).description(""));
    app.add_option("--reply-within", line.reply_within_seconds,
                   "seconds after which a request is answered with a failure; less than the "
                   "kernel module's parameter ecryptfs_message_wait_timeout")
        ->type_name("SECONDS")
        ->capture_default_str()
        ->check(CLI::Range(0.1, 3600.0).description(""));
}

Options to_options(const CommandLine& line) {
    const auto has_event = [&](const char* event) {
        return std::ranges::count(line.lock_on, event) > 0;
    };
    return {line.device,
            line.paths,
            milliseconds(line.idle_seconds),
            milliseconds(line.reply_within_seconds),
            {has_event(kSuspend), has_event(kScreenLock), has_event(kLogOut)}};
}

}  // namespace

std::expected<Options, int> parse_options(int argc, char** argv) {
    const Options defaults;
    CommandLine line{defaults.device,
                     {ECRYPTFS_LIBEXECDIR "/ecryptfs-pki-host", ECRYPTFS_MODULEDIR},
                     {kSuspend, kLogOut},
                     seconds(defaults.host_idle_time),
                     seconds(defaults.reply_within)};
    CLI::App app(
        "Answers the kernel's requests for eCryptfs file keys with keys from files, smart cards "
        "and TPMs. Usually started by the user's service manager; see ecryptfsctl(1).");
    app.set_version_flag("--version", "ecryptfs-agent " ECRYPTFS_VERSION);
    describe(app, line);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const bool failed = app.exit(error) != 0;
        return std::unexpected(failed ? base::traits(base::ErrorCode::kInvalidArgument).status : 0);
    }
    return to_options(line);
}

}  // namespace ecryptfs::agent
