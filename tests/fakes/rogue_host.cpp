// SPDX-License-Identifier: Apache-2.0
//
// A PKI host that a module has taken over: started like ecryptfs-pki-host, it says what that never
// would, as the name of its module tells.

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/pki/host_protocol.h"

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

void greet(const std::string& behaviour) {
    say(pki::Hello{behaviour == "other-version" ? 77U : pki::kHostProtocolVersion, 2, behaviour,
                   "1", "talks nonsense"});
}

void answer(const std::string& behaviour, const pki::OpenKey& message) {
    const std::vector<std::uint8_t> output(67, 7);
    if (behaviour == "done-to-open") {
        say(pki::Done{message.id, output});
    } else if (behaviour == "bad-signature") {
        say(pki::Opened{message.id, "../../etc/passwd", "\x1b[2J\n", ""});
    } else if (behaviour == "other-answers") {
        say(pki::Opened{message.id + 1000, kSignature, "", ""});
        say(pki::Failed{message.id, {base::ErrorCode::kInternal, "no", ""}});
    } else if (behaviour == "opened-twice") {
        say(pki::Opened{message.id, kSignature, "", ""});
        say(pki::Opened{message.id, kSignature, "", ""});
        ::_exit(0);
    } else {
        say(pki::Opened{message.id, kSignature, "", ""});
    }
}

void answer(const std::string& behaviour, const pki::KeyOperation& message) {
    if (behaviour == "open-to-work") {
        say(pki::Opened{message.id, kSignature, "", ""});
        return;
    }
    const std::vector<std::uint8_t> output(behaviour == "huge-output" ? 10'000 : 67, 7);
    say(pki::Done{message.id, output});
}

template <typename Other>
void answer(const std::string& /*behaviour*/, const Other& /*message*/) {}

}  // namespace

int main(int /*argc*/, char** argv) {
    const std::string behaviour = std::filesystem::path(argv[1]).stem();
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
