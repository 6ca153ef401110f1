// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/user_space_parts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <vector>

#include "cli/files/whole_file.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;

bool is_program(const fs::path& path) {
    std::error_code failed;
    return fs::is_regular_file(path, failed) && ::access(path.c_str(), X_OK) == 0;
}

// Where libfuse looks for it: in its own folder first.
std::vector<fs::path> program_folders(const std::string& root) {
    std::vector<fs::path> folders = {root + "/usr/bin", root + "/bin"};
    const char* path = std::getenv("PATH");
    if (path != nullptr && root.empty()) {
        std::istringstream names(path);
        for (std::string name; std::getline(names, name, ':');) {
            if (name.starts_with('/')) {
                folders.emplace_back(name);
            }
        }
    }
    return folders;
}

}  // namespace

Result<void> check_fuse_device(const std::string& root) {
    if (::access((root + "/dev/fuse").c_str(), R_OK | W_OK) == 0) {
        return {};
    }
    if (errno == EACCES || errno == EPERM) {
        return std::unexpected(Error{ErrorCode::kAccessDenied, "you may not open /dev/fuse",
                                     "let everybody, as is usual: sudo chmod a+rw /dev/fuse"});
    }
    return std::unexpected(Error{ErrorCode::kNotSupported, "there is no /dev/fuse",
                                 "load the kernel module: sudo modprobe fuse; in a container, pass "
                                 "the device on: --device /dev/fuse"});
}

Result<std::string> find_fusermount(const std::string& root) {
    for (const auto& folder : program_folders(root)) {
        if (is_program(folder / "fusermount3")) {
            return (folder / "fusermount3").string();
        }
    }
    return std::unexpected(Error{ErrorCode::kNotSupported, "there is no fusermount3",
                                 "install it: sudo apt install fuse3"});
}

Result<std::string> find_fuse_program() {
    std::error_code failed;
    const auto folder = fs::read_symlink("/proc/self/exe", failed).parent_path();
    for (const auto& program :
         {folder / "ecryptfs-fuse", folder.parent_path() / "fuse/ecryptfs-fuse"}) {
        if (!failed && is_program(program)) {
            return program.string();
        }
    }
    return std::unexpected(Error{
        ErrorCode::kNotSupported, fmt::format("there is no ecryptfs-fuse in {}", folder.string()),
        "install the package ecryptfs-fuse; or mount by the kernel: sudo ecryptfsctl mount "
        "--kernel LOWER UPPER"});
}

bool users_may_admit_others(const std::string& root) {
    std::istringstream lines(read_system_file(root + "/etc/fuse.conf"));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        if (words >> word && word == "user_allow_other") {
            return true;
        }
    }
    return false;
}

}  // namespace ecryptfs::cli
