// SPDX-License-Identifier: Apache-2.0

#include <array>

#include "lib/wire/device_frame.h"
#include "lib/wire/tag_packet.h"
#include "tests/fuzz/check.h"

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto request = wire::parse_request_packet(input);
    if (!request) {
        require_useful(request.error(), base::ErrorCode::kMalformed,
                       "request packet: ", input.size());
        return;
    }
    require_inside(request->data, input);
    const auto signature = wire::KeySignature::from_text(request->signature.text());
    require(signature == request->signature, "the signature is one");
    wire::has_valid_checksum(request->data);

    std::array<std::uint8_t, wire::kMaxRequestFrame> buffer{};
    const auto encoded = wire::encode_request_packet(*request, buffer);
    require(encoded.has_value(), "what was parsed can be encoded");
    require_same(*encoded, input, "encoding gives the parsed bytes");

    std::array<std::uint8_t, wire::kMaxRequestFrame> frame{};
    require(wire::encode_frame({.type = wire::FrameType::kRequest, .packet = *encoded}, frame)
                .has_value(),
            "a packet fits a frame");
}
