// SPDX-License-Identifier: Apache-2.0

#include "tests/fakes/fake_service_manager.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <sstream>

namespace ecryptfs::test {
namespace {

constexpr int kFirstHandedOver = 3;  // sd_listen_fds(3)

base::UniqueFd descriptor_in(msghdr& message) {
    auto* field = CMSG_FIRSTHDR(&message);
    if (field == nullptr || field->cmsg_type != SCM_RIGHTS) {
        return {};
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(field), sizeof(fd));
    return base::UniqueFd(fd);
}

// The lines NAME=VALUE of a notification.
std::map<std::string, std::string> fields_of(const std::string& text) {
    std::map<std::string, std::string> fields;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        fields[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    }
    return fields;
}

bool are_same(int one, int other) {
    struct stat first{};
    struct stat second{};
    return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace

FakeServiceManager::FakeServiceManager(std::string path)
    : path_(std::move(path)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
}

void FakeServiceManager::hand_over(Environment& environment,
                                   std::map<int, int>& descriptors) const {
    environment["NOTIFY_SOCKET"] = path_;
    if (kept_.empty()) {
        return;
    }
    std::string names;
    int next = kFirstHandedOver;
    for (const auto& [name, fd] : kept_) {
        names += (names.empty() ? "" : ":") + name;
        descriptors[next++] = fd.get();
    }
    environment["LISTEN_FDS"] = std::to_string(kept_.size());
    environment["LISTEN_FDNAMES"] = names;
    environment["LISTEN_PID"] = kOwnPid;
}

void FakeServiceManager::wait_until_ready(const Process& process) {
    ready_ = false;
    while (!ready_) {
        auto waiting =
            std::to_array<pollfd>({{.fd = socket_.get(), .events = POLLIN, .revents = 0},
                                   {.fd = process.ended_fd(), .events = POLLIN, .revents = 0}});
        const std::chrono::milliseconds patience = kPatience;
        ::poll(waiting.data(), waiting.size(), static_cast<int>(patience.count()));
        if (waiting[0].revents == 0 || !take_message()) {
            return;  // it has ended, or hangs: the test will see
        }
    }
}

void FakeServiceManager::take_messages() {
    while (take_message()) {
    }
}

bool FakeServiceManager::take_message() {
    std::array<char, 1024> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec content{text.data(), text.size() - 1};
    msghdr message{};
    message.msg_iov = &content;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) {
        return false;
    }
    auto fd = descriptor_in(message);
    const auto fields = fields_of(text.data());
    if (fields.contains("FDSTORE")) {
        EXPECT_TRUE(fd);
        EXPECT_EQ(fields.at("FDPOLL"), "0") << "the service manager would wake with each request";
        const auto before = kept_.find(fields.at("FDNAME"));
        EXPECT_TRUE(before == kept_.end() || are_same(before->second.get(), fd.get()))
            << "systemd would keep both";
        keep(fields.at("FDNAME"), std::move(fd));
    } else if (fields.contains("FDSTOREREMOVE")) {
        kept_.erase(fields.at("FDNAME"));
    }
    ready_ = ready_ || fields.contains("READY");
    return true;
}

}  // namespace ecryptfs::test
