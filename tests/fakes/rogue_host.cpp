// SPDX-License-Identifier: Apache-2.0
//
// A PKI host that a module has taken over: started like ecryptfs-pki-host, it says what that never
// would, as the name of its module tells. For a module that is there it is ecryptfs-pki-host.

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "lib/pki/host_protocol.h"
#include "tests/fakes/lingering_socket.h"
#include "tests/support/public_keys.h"

namespace {

using namespace ecryptfs;

constexpr char kSignature[] = "0123456789abcdef";

void send_bytes(base::ByteView bytes) {
    static_cast<void>(::send(STDIN_FILENO, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

void say(const pki::FromHost& message) {
    std::vector<std::uint8_t> buffer(pki::kMaxHostMessage);
    if (const auto packet = pki::encode(message, buffer)) {
        send_bytes(*packet);
    }
}

// By more threads than the broker can empty the socket with.
template <typename Message>
[[noreturn]] void say_for_ever(const Message& message) {
    constexpr int kThreads = 8;
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            std::vector<std::uint8_t> buffer(pki::kMaxHostMessage);
            const auto packet = pki::encode(message, buffer);
            for (;;) {
                send_bytes(*packet);
            }
        });
    }
    for (;;) {
        ::pause();
    }
}

[[noreturn]] void write_for_ever() {
    const std::string text(400, '\x1b');
    for (;;) {
        static_cast<void>(::write(STDERR_FILENO, text.data(), text.size()) < 0);
    }
}

void pass_on(int descriptor, int channel) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> field{};
    char byte = 'x';
    iovec content{&byte, 1};
    msghdr message{};
    message.msg_iov = &content;
    message.msg_iovlen = 1;
    message.msg_control = field.data();
    message.msg_controllen = field.size();
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    if (::sendmsg(channel, &message, MSG_NOSIGNAL) < 0) {
        std::abort();
    }
    ::close(descriptor);
}

// Tries what it was started with, and says what of it is more than its channel.
[[noreturn]] void look_around() {
    constexpr char kShout[] = "SHOUTED\n";
    std::string found;
    for (int fd = STDOUT_FILENO; fd < 1024; ++fd) {
        static_cast<void>(::write(fd, kShout, sizeof kShout - 1) < 0);
        if (fd > STDERR_FILENO && ::fcntl(fd, F_GETFD) >= 0) {
            found += " descriptor " + std::to_string(fd);
        }
    }
    if (::open("/dev/tty", O_RDWR) >= 0) {
        found += " a terminal";
    }
    if (::getsid(0) != ::getpid()) {
        found += " a session";
    }
    say(pki::Refusal{base::ErrorCode::kModuleFailed, found.empty() ? "nothing" : found, ""});
    ::_exit(0);
}

void greet(const std::string& behaviour) {
    if (behaviour == "look-around") {
        look_around();
    }
    say(pki::Hello{behaviour == "other-version" ? 77U : pki::kHostProtocolVersion, 2, behaviour,
                   "1", "talks nonsense"});
}

void answer(const std::string& behaviour, const pki::OpenKey& message) {
    const std::vector<std::uint8_t> output(67, 7);
    if (behaviour == "hello-for-ever") {
        say_for_ever(pki::Hello{pki::kHostProtocolVersion, 2, behaviour, "1", ""});
    } else if (behaviour == "done-for-ever") {
        say_for_ever(pki::Done{message.id + 1000, output});
    } else if (behaviour == "items-for-ever") {
        say_for_ever(pki::Item{message.id, "rogue:key", "", {}});
    } else if (behaviour == "closes-socket") {
        ::close(STDIN_FILENO);
        ::pause();
    } else if (behaviour == "text-for-ever") {
        write_for_ever();
    } else if (behaviour == "fd-in-channel") {
        pass_on(test::lingering_socket(), STDIN_FILENO);
    } else if (behaviour == "fd-in-text") {
        pass_on(test::lingering_socket(), STDERR_FILENO);
    } else if (behaviour == "done-to-open") {
        say(pki::Done{message.id, output});
    } else if (behaviour == "bad-signature") {
        say(pki::Opened{message.id, "../../etc/passwd", "\x1b[2J\n", "", test::some_rsa_key()});
    } else if (behaviour == "other-answers") {
        say(pki::Opened{message.id + 1000, kSignature, "", "", test::some_rsa_key()});
        say(pki::Failed{message.id, {base::ErrorCode::kInternal, "no", ""}});
    } else if (behaviour == "opened-twice") {
        say(pki::Opened{message.id, kSignature, "", "", test::some_rsa_key()});
        say(pki::Opened{message.id, kSignature, "", "", test::some_rsa_key()});
        ::_exit(0);
    } else {
        say(pki::Opened{message.id, kSignature, "", "", test::some_rsa_key()});
    }
}

void answer(const std::string& behaviour, const pki::KeyOperation& message) {
    if (behaviour == "old-done-for-ever") {
        say_for_ever(pki::Done{message.id - 1, std::vector<std::uint8_t>(67, 7)});
    } else if (behaviour == "open-to-work") {
        say(pki::Opened{message.id, kSignature, "", "", test::some_rsa_key()});
        return;
    }
    const std::vector<std::uint8_t> output(behaviour == "huge-output" ? 10'000 : 67, 7);
    say(pki::Done{message.id, output});
}

void answer(const std::string& behaviour, const pki::ListItems& message) {
    if (behaviour == "items-for-ever") {
        say_for_ever(pki::Item{message.id, "rogue:key", "", {}});
    }
}

template <typename Other>
void answer(const std::string& /*behaviour*/, const Other& /*message*/) {}

}  // namespace

int main(int /*argc*/, char** argv) {
    const std::filesystem::path module(argv[1]);
    if (std::filesystem::exists(module) && !std::filesystem::is_empty(module)) {
        const auto own_build = module.parent_path().parent_path();
        const auto host = own_build / "pki-modules/host/ecryptfs-pki-host";
        ::execv(host.c_str(), argv);
    }
    const std::string behaviour = module.stem();
    greet(behaviour);
    if (behaviour == "garbage") {
        send_bytes(std::vector<std::uint8_t>(1000, 0xff));
    } else if (behaviour == "wrong-code") {
        send_bytes(std::to_array<std::uint8_t>({5, 200, 0, 0, 0, 0}));
    }
    std::array<std::uint8_t, pki::kMaxHostMessage> buffer{};
    for (;;) {
        const auto size = ::recv(STDIN_FILENO, buffer.data(), buffer.size(), 0);
        if (size <= 0) {
            return 0;
        }
        const auto packet = base::ByteView(buffer).first(static_cast<std::size_t>(size));
        if (const auto message = pki::decode_to_host(packet)) {
            std::visit([&](const auto& one) { answer(behaviour, one); }, *message);
        }
    }
}
