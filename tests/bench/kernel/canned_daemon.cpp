// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/kernel/canned_daemon.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "lib/wire/device_frame.h"
#include "lib/wire/tag_packet.h"
#include "tests/support/wait.h"
#include "tests/vm/kernel.h"

namespace ecryptfs::bench {
namespace {

// False for what is no request.
bool answer(int device, base::ByteView bytes) {
    const auto frame = wire::decode_frame(bytes);
    const auto request = frame ? wire::parse_request_packet(frame->packet)
                               : base::Result<wire::RequestPacket>(std::unexpect, frame.error());
    if (!request) {
        return false;
    }
    std::array<std::uint8_t, wire::kMaxResponseFrame> packet{};
    std::array<std::uint8_t, wire::kMaxResponseFrame> reply{};
    const auto reply_packet =
        wire::encode_reply_packet({request->operation, 0, request->data}, packet);
    const auto response = wire::encode_frame({.type = wire::FrameType::kResponse,
                                              .counter = frame->counter,
                                              .index = frame->index,
                                              .packet = reply_packet.value()},
                                             reply);
    return ::write(device, response->data(), response->size()) >= 0;
}

int serve() {
    const base::UniqueFd device(::open(vm::kDevice, O_RDWR | O_CLOEXEC));
    static_cast<void>(::write(STDOUT_FILENO, device ? "1" : "0", 1));
    std::array<std::uint8_t, wire::kMaxRequestFrame> frame{};
    for (;;) {
        const auto size = ::read(device.get(), frame.data(), frame.size());
        if (size < 0 || (size > 0 && !answer(device.get(), base::ByteView(frame).first(
                                                               static_cast<std::size_t>(size))))) {
            return EXIT_FAILURE;  // every open fails from now on
        }
    }
}

}  // namespace

CannedDaemon::CannedDaemon(const vm::User& user)
    : state_(vm::memory_file()), process_({.user = user, .out = state_.get()}, serve) {
    test::wait_until("the canned daemon has the device",
                     [&] { return vm::content_of(state_.get()) == "1"; });
}

}  // namespace ecryptfs::bench
