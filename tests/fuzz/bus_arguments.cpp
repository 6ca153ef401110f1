// SPDX-License-Identifier: Apache-2.0
//
// Arguments of calls on the bus, of any types in any order, read as the agent's methods read them.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "agent/bus/call.h"
#include "lib/base/handle.h"
#include "lib/base/sealed_memfd.h"
#include "tests/fuzz/check.h"

namespace {

using namespace ecryptfs;
using Bus = base::Handle<sd_bus, ::sd_bus_unref>;
using Message = base::Handle<sd_bus_message, ::sd_bus_message_unref>;

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// Never authenticated: messages can be made for it, and none leaves.
sd_bus* bus() {
    static const Bus made = [] {
        std::array<int, 2> ends{};
        sd_bus* bus = nullptr;
        fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0 &&
                          ::sd_bus_new(&bus) >= 0 && ::sd_bus_set_fd(bus, ends[0], ends[0]) >= 0 &&
                          ::sd_bus_start(bus) >= 0,
                      "there is a bus");
        return Bus(bus);
    }();
    return made.get();
}

std::uint8_t take_byte(base::ByteView& input) {
    if (input.empty()) {
        return 0;
    }
    const auto byte = input.front();
    input = input.subspan(1);
    return byte;
}

base::ByteView take_counted(base::ByteView& input) {
    const auto size = std::min<std::size_t>(take_byte(input), input.size());
    const auto taken = input.first(size);
    input = input.subspan(size);
    return taken;
}

// With some of the seals that it should have, of content as small or as large as it may be, and
// larger.
base::UniqueFd memory_file(base::ByteView& input) {
    const auto how = take_byte(input);
    const auto content = take_counted(input);
    base::UniqueFd fd(::memfd_create("secret", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    const auto copies = (how & 0x10) != 0 ? 1 + how * 20 : 1;
    for (int i = 0; i < copies; ++i) {
        fuzz::require(::write(fd.get(), content.data(), content.size()) >= 0, "memory is written");
    }
    ::fcntl(fd.get(), F_ADD_SEALS, (how & 0x0f) == 0 ? kSeals : kSeals & how);
    return fd;
}

// The kinds of descriptors that are none of a secret.
base::UniqueFd other_file(std::uint8_t kind) {
    std::array<int, 2> ends{};
    if (kind % 2 == 0 && ::pipe2(ends.data(), O_CLOEXEC) == 0) {
        ::close(ends[1]);
        return base::UniqueFd(ends[0]);
    }
    return base::UniqueFd(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
}

void append_argument(sd_bus_message* message, base::ByteView& input) {
    const auto type = "sihhoguabv"[take_byte(input) % 10];
    const std::string text(base::as_text(take_counted(input)));
    const std::uint64_t number = text.size();
    switch (type) {
        case 's':
        case 'o':
        case 'g':
            ::sd_bus_message_append_basic(message, type, text.c_str());  // refuses what is none
            break;
        case 'h': {
            const auto fd =
                text.size() % 4 == 3 ? other_file(take_byte(input)) : memory_file(input);
            const int value = fd.get();
            ::sd_bus_message_append_basic(message, 'h', &value);
            break;
        }
        case 'a':
            ::sd_bus_message_append_array(message, 'y', text.data(), text.size());
            break;
        case 'v':
            ::sd_bus_message_append(message, "v", "s", text.c_str());
            break;
        default:
            ::sd_bus_message_append_basic(message, type, &number);
            break;
    }
}

void require_refusal(const base::Error& error) {
    fuzz::require(error.code == base::ErrorCode::kInvalidArgument, "the error has its code");
    fuzz::require(!error.message.empty(), "the error says what is wrong");
}

template <typename T>
bool holds(const base::Result<T>& value) {
    if (!value) {
        require_refusal(value.error());
    }
    return value.has_value();
}

void read_secret(const agent::BusCall& call) {
    const auto secret = call.read_secret();
    if (holds(secret) && *secret) {
        fuzz::require(!(*secret)->empty() && (*secret)->size() <= base::kMaxSecretSize,
                      "a secret has a size that it may have");
    }
}

void read_as_method(std::uint8_t method, const agent::BusCall& call) {
    switch (method % 4) {
        case 0:  // AddKey
            if (holds(call.read_text()) && holds(call.read_text())) {
                read_secret(call);
            }
            break;
        case 1:  // RegisterToken
            if (holds(call.read_signature())) {
                static_cast<void>(holds(call.read_number()));
            }
            break;
        case 2:  // ForgetKey
            static_cast<void>(holds(call.read_signature()));
            break;
        default:  // Unlock
            read_secret(call);
            break;
    }
}

}  // namespace

void ecryptfs::fuzz::try_input(base::ByteView input) {
    sd_bus_message* made = nullptr;
    require(::sd_bus_message_new_method_call(bus(), &made, "org.ecryptfs.Agent1",
                                             "/org/ecryptfs/Agent1", "org.ecryptfs.Agent1",
                                             "Method") >= 0,
            "there is a message");
    const Message message(made);
    const auto method = take_byte(input);
    for (int i = 0; i < 8 && !input.empty(); ++i) {
        append_argument(made, input);
    }
    if (::sd_bus_message_seal(made, 1, 0) >= 0 && ::sd_bus_message_rewind(made, 1) >= 0) {
        read_as_method(method, agent::BusCall(made));
    }
}
