// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/machine_starter.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace ecryptfs::bench {
namespace {

constexpr char kStarterSocket[] = "ECRYPTFS_BENCH_MACHINE_STARTER";

[[noreturn]] void start_one(int socket) {
    std::array<char, 4096> command{};
    if (::read(socket, command.data(), command.size() - 1) > 0) {
        ::dup2(socket, STDOUT_FILENO);
        ::close(socket);
        ::execl("/bin/sh", "sh", "-c", command.data(), nullptr);
    }
    ::_exit(0);
}

}  // namespace

void start_machine_starter() {
    std::array<int, 2> ends{};  // ours stays open over exec
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) {
        throw std::runtime_error("benchmark: socketpair");
    }
    if (::fork() == 0) {
        ::close(ends[0]);
        start_one(ends[1]);
    }
    ::close(ends[1]);
    ::setenv(kStarterSocket, std::to_string(ends[0]).c_str(), 1);
}

void run_outside(const std::string& command, const std::function<void(const std::string&)>& take) {
    std::FILE* output = ::fdopen(std::stoi(std::getenv(kStarterSocket)), "r+");
    if (output == nullptr || ::write(::fileno(output), command.data(), command.size()) !=
                                 static_cast<ssize_t>(command.size())) {
        throw std::runtime_error("benchmark: the machine's starter is gone");
    }
    std::array<char, 1024> line{};
    while (std::fgets(line.data(), line.size(), output) != nullptr) {
        take(line.data());
    }
    std::fclose(output);
}

}  // namespace ecryptfs::bench
