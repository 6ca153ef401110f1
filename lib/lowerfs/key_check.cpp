// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/key_check.h"

#include <algorithm>
#include <vector>

#include "lib/lower/extent_offsets.h"
#include "lib/lowerfs/content_reader.h"

namespace ecryptfs::lowerfs {

bool may_be_of_damaged_key(const LowerFile& file, const lower::FileKey& key) {
    constexpr std::size_t kEnoughToTell = 32;
    constexpr std::size_t kZerosInNoise =
        16;  // one byte of 256 in noise is zero; this is one of 16
    const auto& header = file.header.value();
    const auto by_passphrase = [](const lower::KeyPacket& packet) {
        return packet.kind == lower::PacketKind::kPassphrase;
    };
    const auto behind = contents_beyond_size(file);
    if (behind.size < kEnoughToTell ||
        range_end(behind) != lower::encrypted_size(header.plain_size) ||
        std::ranges::none_of(header.packets, by_passphrase)) {
        return false;
    }
    auto reader = ContentReader::create(file, key, range_end(behind));
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(behind.size));
    const auto reading =
        reader ? reader->read(behind.first, bytes) : std::unexpected(reader.error());
    return reading && reading->lost.empty() &&
           static_cast<std::size_t>(std::ranges::count(bytes, std::uint8_t{0})) <
               bytes.size() / kZerosInNoise;
}

}  // namespace ecryptfs::lowerfs
