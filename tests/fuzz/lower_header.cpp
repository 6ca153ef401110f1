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
    require(header->packets.size() + header->damaged_packets.size() <= lower::kMaxKeyPackets,
            "not too many packets");
    std::size_t damaged_end = 0;
    for (const auto& packet : header->damaged_packets) {
        require(packet.offset >= damaged_end && packet.size > 0,
                "damaged packets follow each other");
        damaged_end = packet.offset + packet.size;
        require(damaged_end <= input.size() && damaged_end <= lower::kMaxHeader,
                "damaged packets are in the header");
        require(input[packet.offset] == packet.tag, "a damaged packet has its tag");
        require_useful(packet.error, base::ErrorCode::kMalformed, "header: ", input.size());
        for (const auto& sound : header->packets) {
            require(sound.offset >= damaged_end || sound.offset + sound.size <= packet.offset,
                    "sound and damaged packets do not overlap");
        }
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
