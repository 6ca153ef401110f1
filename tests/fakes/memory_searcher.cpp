// SPDX-License-Identifier: Apache-2.0

#include "tests/fakes/memory_searcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/base/handle.h"
#include "tests/support/processes.h"

namespace ecryptfs::test {
namespace {

constexpr char kSocket[] = "ECRYPTFS_TEST_MEMORY_SEARCHER";
constexpr std::size_t kMaxNeedle = 256;
constexpr std::size_t kBlock = std::size_t{1} << 20;
// None of ours is larger. A sanitizer's shadow memory has terabytes, and no copies of ours.
constexpr std::uint64_t kLargestMapping = std::uint64_t{1} << 30;

// A packet to the searcher. It answers with a number of places, or a negative errno.
struct Question {
    pid_t pid = 0;
    std::size_t size = 0;
    std::array<char, kMaxNeedle> needle = {};
};
using Places = std::int64_t;

Places count_in_range(int memory, std::uint64_t start, std::uint64_t end, std::string_view needle) {
    std::vector<char> block(kBlock + needle.size() - 1);
    Places places = 0;
    for (auto at = start; at < end; at += kBlock) {
        const auto wanted = std::min<std::uint64_t>(block.size(), end - at);
        const auto size = ::pread(memory, block.data(), wanted, static_cast<off_t>(at));
        const std::string_view bytes(block.data(), static_cast<std::size_t>(size < 0 ? 0 : size));
        for (auto found = bytes.find(needle); found != std::string_view::npos && found < kBlock;
             found = bytes.find(needle, found + 1)) {
            ++places;
        }
    }
    return places;
}

// proc(5), /proc/pid/maps: "start-end permissions …"
Places count_places(const Question& question) {
    const base::UniqueFd memory(
        ::open(fmt::format("/proc/{}/mem", question.pid).c_str(), O_RDONLY | O_CLOEXEC));
    std::ifstream maps(fmt::format("/proc/{}/maps", question.pid));
    if (!memory || !maps) {
        return errno == ENOENT || errno == ESRCH ? 0 : -errno;
    }
    const std::string_view needle(question.needle.data(), question.size);
    Places places = 0;
    for (std::string line; std::getline(maps, line);) {
        std::istringstream fields(line);
        std::uint64_t start = 0;
        std::uint64_t end = 0;
        char dash = 0;
        std::string permissions;
        if (fields >> std::hex >> start >> dash >> end >> permissions &&
            permissions.starts_with('r') && end - start <= kLargestMapping) {
            places += count_in_range(memory.get(), start, end, needle);
        }
    }
    return places;
}

[[noreturn]] void serve(int socket) {
    Question question;
    while (::read(socket, &question, sizeof(question)) == sizeof(question)) {
        const auto places = count_places(question);
        if (::write(socket, &places, sizeof(places)) != sizeof(places)) {
            break;
        }
    }
    ::_exit(0);
}

// Not for the programs that a test runs.
int searcher() {
    static const int socket = [] {
        const char* number = std::getenv(kSocket);
        const int fd = number == nullptr ? -1 : std::atoi(number);
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        return fd;
    }();
    return socket;
}

}  // namespace

void start_memory_searcher() {
    std::array<int, 2> ends{};  // ours stays open over exec
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) != 0) {
        throw std::runtime_error("memory searcher: socketpair");
    }
    if (::fork() == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        ::close(ends[0]);
        serve(ends[1]);
    }
    ::close(ends[1]);
    ::setenv(kSocket, std::to_string(ends[0]).c_str(), 1);
}

std::size_t count_in_memory(pid_t pid, base::ByteView needle) {
    Question question{.pid = pid, .size = needle.size()};
    if (needle.size() > question.needle.size()) {
        throw std::runtime_error("memory searcher: the needle is too long");
    }
    std::memcpy(question.needle.data(), needle.data(), needle.size());
    Places places = 0;
    if (::write(searcher(), &question, sizeof(question)) != sizeof(question) ||
        ::read(searcher(), &places, sizeof(places)) != sizeof(places)) {
        throw std::runtime_error("memory searcher: it is gone");
    }
    if (places < 0) {
        throw std::runtime_error(fmt::format("memory searcher: process {}: {}", pid,
                                             ::strerrordesc_np(static_cast<int>(-places))));
    }
    return static_cast<std::size_t>(places);
}

std::string holders_of(base::ByteView needle) {
    std::vector<pid_t> processes = {::getpid()};
    std::string holders;
    for (std::size_t i = 0; i < processes.size(); ++i) {
        const auto pid = processes[i];
        std::ranges::copy(children_of(pid), std::back_inserter(processes));
        if (const auto count = i == 0 ? 0 : count_in_memory(pid, needle); count > 0) {
            holders += fmt::format("{}: {} times\n", name_of(pid), count);
        }
    }
    return holders;
}

}  // namespace ecryptfs::test
