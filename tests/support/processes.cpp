// SPDX-License-Identifier: Apache-2.0

#include "tests/support/processes.h"

#include <fstream>
#include <iterator>

namespace ecryptfs::test {

std::set<pid_t> children_of(pid_t parent) {
    const auto pid = std::to_string(parent);
    std::ifstream file("/proc/" + pid + "/task/" + pid + "/children");
    return {std::istream_iterator<pid_t>(file), {}};
}

std::string name_of(pid_t process) {
    std::string name;
    std::ifstream file("/proc/" + std::to_string(process) + "/comm");
    std::getline(file, name);
    return name;
}

}  // namespace ecryptfs::test
