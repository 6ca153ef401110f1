// SPDX-License-Identifier: Apache-2.0

#include "agent/options.h"

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

std::chrono::milliseconds milliseconds(double seconds) {
    return std::chrono::milliseconds(static_cast<int>(seconds * 1000));
}

}  // namespace

std::expected<Options, int> parse_options(int argc, char** argv) {
    Options options;
    options.hosts.paths = {ECRYPTFS_LIBEXECDIR "/ecryptfs-pki-host", ECRYPTFS_MODULEDIR};
    double idle_seconds = std::chrono::duration<double>(options.hosts.idle_time).count();
    double reply_within_seconds = std::chrono::duration<double>(options.reply_within).count();

    std::vector<std::string> lock_on = {kSuspend, kLogOut};

    CLI::App app(
        "Answers the kernel's requests for eCryptfs file keys with keys from files, smart cards "
        "and TPMs. Usually started by the user's service manager; see ecryptfsctl(1).");
    app.set_version_flag("--version", "ecryptfs-agent " ECRYPTFS_VERSION);
    app.add_option("--device", options.device, "the kernel's device")
        ->type_name("FILE")
        ->capture_default_str();
    app.add_option("--module-dir", options.hosts.paths.module_folder, "folder of the PKI modules")
        ->type_name("FOLDER")
        ->capture_default_str();
    app.add_option("--lock-on", lock_on,
                   fmt::format("what locks all keys: {}, {}, {}; none for nothing", kSuspend,
                               kScreenLock, kLogOut))
        ->type_name("EVENT,...")
        ->delimiter(',')
        ->default_str(fmt::format("{},{}", kSuspend, kLogOut))
        ->check(CLI::IsMember({kSuspend, kScreenLock, kLogOut, "none"}).description(""));
    app.add_option("--pki-host", options.hosts.paths.host_program,
                   "the program that runs a PKI module")
        ->type_name("PROGRAM")
        ->capture_default_str();
    app.add_option("--host-idle-time", idle_seconds,
                   "seconds after which a PKI module's process that nobody needs is ended")
        ->type_name("SECONDS")
        ->capture_default_str()
        ->check(CLI::Range(0.1, 86400.0).description(""));
    app.add_option("--reply-within", reply_within_seconds,
                   "seconds after which a request is answered with a failure; less than the "
                   "kernel module's parameter ecryptfs_message_wait_timeout")
        ->type_name("SECONDS")
        ->capture_default_str()
        ->check(CLI::Range(0.1, 3600.0).description(""));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const bool failed = app.exit(error) != 0;
        return std::unexpected(failed ? base::traits(base::ErrorCode::kInvalidArgument).status : 0);
    }
    const auto locks_on = [&](const char* event) { return std::ranges::count(lock_on, event) > 0; };
    options.lock_on = {locks_on(kSuspend), locks_on(kScreenLock), locks_on(kLogOut)};
    options.reply_within = milliseconds(reply_within_seconds);
    options.hosts.idle_time = milliseconds(idle_seconds);
    return options;
}

}  // namespace ecryptfs::agent
