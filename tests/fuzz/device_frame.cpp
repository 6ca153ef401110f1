// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/device_frame.h"

#include <array>

#include "tests/fuzz/check.h"

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto frame = wire::decode_frame(input);
    if (!frame) {
        require_useful(frame.error(), base::ErrorCode::kMalformed, "device frame: ", input.size());
        return;
    }
    require_inside(frame->packet, input);
    require(!frame->bare || frame->packet.empty(), "a bare frame has no packet");

    std::array<std::uint8_t, wire::kMaxRequestFrame> buffer{};
    const auto encoded = wire::encode_frame(*frame, buffer);
    require(encoded.has_value(), "what was decoded can be encoded");
    require_same(*encoded, input, "encoding gives the decoded bytes");
}
