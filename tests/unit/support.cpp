// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/support.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/support/command.h"

namespace ecryptfs::test {
std::string in_child(const std::function<std::string()>& work) {
    Pipe pipe;
    const pid_t child = ::fork();
    if (child == 0) {
        const std::string text = work();
        const auto written = ::write(pipe.writer.get(), text.data(), text.size());
        ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    pipe.writer.reset();
    std::string text;
    while (append_from(pipe.reader.get(), text)) {
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
    return text;
}

std::vector<std::string> memory_flags(std::uintptr_t address) {
    std::ifstream smaps("/proc/self/smaps");
    bool inside = false;
    for (std::string line; std::getline(smaps, line);) {
        std::uintptr_t first = 0;
        std::uintptr_t last = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2) {
            inside = first <= address && address < last;
        } else if (inside && line.starts_with("VmFlags:")) {
            std::istringstream words(line.substr(line.find(':') + 1));
            return {std::istream_iterator<std::string>(words), {}};
        }
    }
    return {};
}

}  // namespace ecryptfs::test
