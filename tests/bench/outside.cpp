// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/outside.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace ecryptfs::bench {
namespace {

constexpr char kSocket[] = "ECRYPTFS_BENCH_OUTSIDE";
constexpr std::string_view kEnd = "\n";  // no line is empty and lacks its end

bool send(int socket, std::string_view text) {
    return ::write(socket, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// A packet, or nothing when the other end is gone.
std::string receive(int socket) {
    std::array<char, 4096> packet{};
    const auto size = ::read(socket, packet.data(), packet.size());
    return {packet.data(), static_cast<std::size_t>(size < 0 ? 0 : size)};
}

[[noreturn]] void serve(int socket) {
    for (auto command = receive(socket); !command.empty(); command = receive(socket)) {
        std::FILE* output = ::popen(command.c_str(), "re");
        std::array<char, 1024> line{};
        while (output != nullptr && std::fgets(line.data(), line.size(), output) != nullptr) {
            send(socket, " " + std::string(line.data()));
        }
        if (output != nullptr) {
            ::pclose(output);
        }
        send(socket, kEnd);
    }
    ::_exit(0);
}

}  // namespace

void stay_outside() {
    std::array<int, 2> ends{};  // ours stays open over exec
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) != 0) {
        throw std::runtime_error("benchmark: socketpair");
    }
    if (::fork() == 0) {
        ::close(ends[0]);
        serve(ends[1]);
    }
    ::close(ends[1]);
    ::setenv(kSocket, std::to_string(ends[0]).c_str(), 1);
}

void run_outside(const std::string& command, const std::function<void(const std::string&)>& take) {
    const int socket = std::stoi(std::getenv(kSocket));
    if (!send(socket, command)) {
        throw std::runtime_error("benchmark: the process outside is gone");
    }
    for (auto line = receive(socket); line != kEnd; line = receive(socket)) {
        if (line.empty()) {
            throw std::runtime_error("benchmark: the process outside is gone");
        }
        take(line.substr(1));
    }
}

}  // namespace ecryptfs::bench
