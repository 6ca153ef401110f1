// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/wrapped_passphrase.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/try.h"
#include "lib/lower/passphrase.h"
#include "lib/wire/packet_reader.h"

namespace ecryptfs::lower {
namespace {

using base::Result;
using wire::KeySignature;

// ecryptfs-utils: the first two bytes of version 2. Version 1, which has no salt in the file,
// begins with a hexadecimal digit.
constexpr std::array<std::uint8_t, 2> kVersion2 = {0x3a, 0x02};
constexpr std::size_t kBlock = 16;
constexpr std::size_t kMostEncrypted = 64;

}  // namespace

Result<WrappedPassphrase> parse_wrapped_passphrase(base::ByteView file) {
    wire::PacketReader reader("wrapped passphrase", base::ErrorCode::kMalformed, file);
    const bool newer = file.size() >= kVersion2.size() &&
                       std::ranges::equal(file.first(kVersion2.size()), kVersion2);
    Salt salt = kDefaultSalt;
    if (newer) {
        static_cast<void>(reader.take("version", kVersion2.size()));
        const auto given = TRY(reader.take("salt", salt.size()));
        std::ranges::copy(given, salt.begin());
    }
    const std::size_t at = reader.position();
    const auto text = TRY(reader.take("signature", KeySignature::kTextSize));
    const auto signature = KeySignature::from_text(base::as_text(text));
    if (!signature) {
        return reader.fail(signature.error().message, at);
    }
    const auto encrypted = reader.left();
    if (encrypted.empty() || encrypted.size() % kBlock != 0 || encrypted.size() > kMostEncrypted) {
        return reader.fail(fmt::format("{} encrypted bytes, where 16, 32, 48 or 64 are expected",
                                       encrypted.size()),
                           reader.position());
    }
    return WrappedPassphrase{newer ? 2 : 1, salt, *signature, {encrypted.begin(), encrypted.end()}};
}

std::vector<std::uint8_t> encode_wrapped_passphrase(const WrappedPassphrase& wrapped) {
    std::vector<std::uint8_t> file(kVersion2.begin(), kVersion2.end());
    const auto append = [&](base::ByteView bytes) {
        file.insert(file.end(), bytes.begin(), bytes.end());
    };
    append(wrapped.salt);
    append(base::as_bytes(wrapped.signature.text()));
    append(wrapped.encrypted);
    return file;
}

}  // namespace ecryptfs::lower
