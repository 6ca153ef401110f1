// SPDX-License-Identifier: Apache-2.0

#include "tests/vm/openers.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <new>

namespace ecryptfs::vm {
namespace {

// 0 or an errno.
int open_and_read(const std::filesystem::path& file) {
    const base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 256> content{};
    return fd && ::read(fd.get(), content.data(), content.size()) >= 0 ? 0 : errno;
}

Paths part_of(const Paths& files, int number, int parts, Openers::Files which) {
    const auto position = [&](int part) {
        return files.begin() + static_cast<std::ptrdiff_t>(files.size()) * part / parts;
    };
    Paths part(position(number), position(number + 1));
    if (which == Openers::Files::kAll) {
        part.insert(part.end(), position(number + 1), files.end());
        part.insert(part.end(), files.begin(), position(number));
    }
    return part;
}

}  // namespace

Openers::Openers(const User& user, const Paths& files, int processes, Files which) {
    void* memory =
        ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    counts_ = new (memory) Counts;
    // They begin when the other end of this pipe is closed.
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const base::UniqueFd start(ends[0]);
    base::UniqueFd hold(ends[1]);
    for (int i = 0; i < processes; ++i) {
        processes_.emplace_back(ChildSetup{.user = user}, [&, i] {
            const auto own = part_of(files, i, processes, which);
            hold.reset();
            char nothing = 0;
            static_cast<void>(::read(start.get(), &nothing, 1));
            open_all(own, *counts_);
            return 0;
        });
    }
}

Openers::~Openers() {
    processes_.clear();
    ::munmap(counts_, sizeof(Counts));
}

void Openers::open_all(const Paths& files, Counts& counts) {
    for (const auto& file : files) {
        const int error = open_and_read(file);
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
