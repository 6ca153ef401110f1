// SPDX-License-Identifier: Apache-2.0
//
// The system's processes, as proc(5) shows them. `root` is put before the paths: it is empty except
// in tests. Only root sees what other users' processes have open.

#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace ecryptfs::cli {

struct RunningProcess {
    pid_t pid = 0;
    pid_t parent = 0;
    uid_t uid = 0;
    std::string name = {};
};

// Sorted by pid.
std::vector<RunningProcess> running_processes(const std::string& root);

bool has_open(const std::string& root, pid_t pid, const std::string& file);

// Whether it has an open file, its current folder, its root or its program on the file system.
bool uses_file_system(const std::string& root, pid_t pid, dev_t file_system);

}  // namespace ecryptfs::cli
