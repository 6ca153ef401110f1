// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/busy_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "cli/mount/processes.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;

constexpr std::size_t kListedProcesses = 5;

// "bash (1234), …": some of the processes that use the folder.
std::string folder_users(const std::string& folder) {
    struct stat status{};
    if (::stat(folder.c_str(), &status) != 0) {
        return "";
    }
    std::vector<std::string> users;
    for (const auto& process : running_processes("")) {
        if (process.pid != ::getpid() && uses_file_system("", process.pid, status.st_dev)) {
            users.push_back(fmt::format("{} ({})", process.name, process.pid));
        }
    }
    if (users.size() > kListedProcesses) {
        const auto more = users.size() - kListedProcesses;
        users.resize(kListedProcesses);
        users.push_back(fmt::format("{} more", more));
    }
    return fmt::format("{}", fmt::join(users, ", "));
}

}  // namespace

Error busy_folder(const std::string& upper) {
    const auto users = folder_users(upper);
    return {ErrorCode::kBusy,
            users.empty() ? fmt::format("{} is in use", upper)
                          : fmt::format("{} is in use by {}", upper, users),
            "end that, or leave the folder; or --lazy, which waits for it"};
}

}  // namespace ecryptfs::cli
