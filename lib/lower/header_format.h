// SPDX-License-Identifier: Apache-2.0
//
// The numbers that the header's reader and writer share.

#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/wire/key_signature.h"

namespace ecryptfs::lower {

inline constexpr std::size_t kMarkerOffset = 8;
inline constexpr std::uint32_t kMarkerMask = 0x3c81b7f5;  // MAGIC_ECRYPTFS_MARKER
inline constexpr std::uint8_t kNewestVersion = 3;         // ECRYPTFS_SUPPORTED_FILE_VERSION
inline constexpr std::size_t kSaltSize = 8;
// Size, marker, version and flags; behind them, but for version 0, the size of the front.
inline constexpr std::size_t kFixedFields = 20;
inline constexpr std::size_t kFrontFields = 6;

// RFC 4880 section 4.3, the first byte in its old form with and without the length's bits as the
// kernel writes it (keystore.c: write_tag_1_packet, write_tag_3_packet, write_tag_11_packet).
inline constexpr std::uint8_t kTag1 = 0x01;
inline constexpr std::uint8_t kTag3 = 0x8c;
inline constexpr std::uint8_t kTag11 = 0xed;

inline constexpr std::uint8_t kPublicKeyVersion = 3;
inline constexpr std::uint8_t kRsa = 1;
inline constexpr std::size_t kPublicKeyFixed = 1 + wire::KeySignature::kSize + 1;

inline constexpr std::uint8_t kSymmetricVersion = 4;
inline constexpr std::uint8_t kIteratedAndSalted = 3;  // RFC 4880 section 3.7.1.3
inline constexpr std::uint8_t kMd5 = 1;                // what the kernel writes, whatever was used
inline constexpr std::uint8_t kIterations = 0x60;      // 65,536, coded as there
inline constexpr std::size_t kPassphraseFixed = 1 + 1 + 1 + 1 + kSaltSize + 1;

inline constexpr std::uint8_t kBinary = 'b';
inline constexpr char kLiteralName[] = "_CONSOLE";
inline constexpr std::uint8_t kNameSize = sizeof(kLiteralName) - 1;
inline constexpr std::size_t kDateSize = 4;
inline constexpr std::size_t kLiteralSize =
    1 + 1 + kNameSize + kDateSize + wire::KeySignature::kSize;

}  // namespace ecryptfs::lower
