// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/processes.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "cli/files/whole_file.h"
#include "lib/base/number.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;

fs::path process_folder(const std::string& root, pid_t pid) {
    return fmt::format("{}/proc/{}", root, pid);
}

std::vector<fs::path> open_descriptors(const fs::path& process) {
    std::vector<fs::path> links;
    std::error_code gone;
    for (fs::directory_iterator fd(process / "fd", gone), end; !gone && fd != end;
         fd.increment(gone)) {
        links.push_back(fd->path());
    }
    return links;
}

// Lines of "Name:\tvalue …"; Uid has the real one first.
RunningProcess parse_process(pid_t pid, const std::string& status) {
    RunningProcess process{pid};
    std::istringstream lines(status);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string name, value;
        fields >> name >> value;
        if (name == "Name:") {
            process.name = value;
        } else if (name == "PPid:") {
            process.parent = base::parse_number<pid_t>(value).value_or(0);
        } else if (name == "Uid:") {
            process.uid = base::parse_number<uid_t>(value).value_or(0);
        }
    }
    return process;
}

}  // namespace

std::vector<RunningProcess> running_processes(const std::string& root) {
    std::vector<RunningProcess> processes;
    std::error_code failure;
    for (fs::directory_iterator entry(root + "/proc", failure), end; !failure && entry != end;
         entry.increment(failure)) {
        const auto pid = base::parse_number<pid_t>(entry->path().filename().string()).value_or(0);
        const auto status = pid > 0 ? read_system_file(entry->path() / "status") : "";
        if (!status.empty()) {
            processes.push_back(parse_process(pid, status));
        }
    }
    std::ranges::sort(processes, {}, &RunningProcess::pid);
    return processes;
}

bool has_open(const std::string& root, pid_t pid, const std::string& file) {
    return std::ranges::any_of(open_descriptors(process_folder(root, pid)),
                               [&](const fs::path& link) {
                                   std::error_code gone;
                                   return fs::read_symlink(link, gone) == file;
                               });
}

bool uses_file_system(const std::string& root, pid_t pid, dev_t file_system) {
    const auto process = process_folder(root, pid);
    auto links = open_descriptors(process);
    links.insert(links.end(), {process / "cwd", process / "root", process / "exe"});
    return std::ranges::any_of(links, [&](const fs::path& link) {
        struct stat status{};
        return ::stat(link.c_str(), &status) == 0 && status.st_dev == file_system;
    });
}

}  // namespace ecryptfs::cli
