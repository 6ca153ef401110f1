// SPDX-License-Identifier: Apache-2.0

#include <array>

#include "lib/wire/device_frame.h"
#include "lib/wire/tag_packet.h"
#include "tests/fuzz/check.h"

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto reply = wire::parse_reply_packet(input);
    if (!reply) {
        require_useful(reply.error(), base::ErrorCode::kMalformed, "reply packet: ", input.size());
        return;
    }
    require_inside(reply->data, input);
    require((reply->status == 0) != reply->data.empty(), "either a failure or data");
    wire::has_valid_checksum(reply->data);

    std::array<std::uint8_t, wire::kMaxResponseFrame> buffer{};
    const auto encoded = wire::encode_reply_packet(*reply, buffer);
    require(encoded.has_value(), "what was parsed can be encoded");
    require_same(*encoded, input, "encoding gives the parsed bytes");

    std::array<std::uint8_t, wire::kMaxResponseFrame> frame{};
    require(wire::encode_frame({.type = wire::FrameType::kResponse, .packet = *encoded}, frame)
                .has_value(),
            "a packet fits a frame");
}
