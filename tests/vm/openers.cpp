// SPDX-License-Identifier: Apache-2.0

#include "tests/vm/openers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ecryptfs::vm {
namespace {

// 0 or an errno.
int open_and_read(const std::filesystem::path& file) {
    const base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 256> content{};
    return fd && ::read(fd.get(), content.data(), content.size()) >= 0 ? 0 : errno;
}

}  // namespace

Openers::Openers(const User& user, const Paths& files, int processes) {
    StartLine line;
    for (int i = 0; i < processes; ++i) {
        const auto first =
            files.size() * static_cast<std::size_t>(i) / static_cast<std::size_t>(processes);
        processes_.emplace_back(ChildSetup{.user = user}, [&, first] {
            line.wait();
            open_all(files, first, *counts_);
            return 0;
        });
    }
    line.go();
}

void Openers::open_all(const Paths& files, std::size_t first, Counts& counts) {
    for (std::size_t i = 0; i < files.size(); ++i) {
        const int error = open_and_read(files[(first + i) % files.size()]);
        if (error == 0) {
            ++counts.opened;
        } else {
            ++counts.failed;
            counts.last_error = error;
        }
    }
}

void Openers::wait() {
    for (auto& process : processes_) {
        EXPECT_EQ(process.wait(), 0);
    }
}

}  // namespace ecryptfs::vm
