// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/header.h"
#include "tests/fuzz/check.h"

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto header = lower::parse_header(input);
    if (!header) {
        require_useful(header.error(), base::ErrorCode::kMalformed, "header: ", input.size());
        return;
    }
    require(lower::has_marker(input), "what was parsed has the marker");
    require(!header->packets.empty() || header->damage.has_value(),
            "a header without packets is damaged");
    if (header->damage) {
        require_useful(*header->damage, base::ErrorCode::kMalformed, "header: ", input.size());
    }
    std::size_t end = 0;
    for (const auto& packet : header->packets) {
        require(packet.offset >= end && packet.size > 0, "packets follow each other");
        end = packet.offset + packet.size;
        require(end <= input.size() && end <= lower::kMaxHeader, "packets are in the header");
        require(!packet.encrypted_fek.empty(), "a packet has a file key");
        const auto bytes = input.subspan(packet.offset, packet.size);
        require_inside(packet.encrypted_fek, bytes);
        require_inside(packet.salt, bytes);
        if (packet.kind == lower::PacketKind::kPassphrase) {
            require(packet.signature_offset > packet.offset && packet.signature_offset < end,
                    "a passphrase packet has its signature within");
        }
    }
}
