// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/auth_token.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/try.h"
#include "lib/wire/packet_reader.h"

namespace ecryptfs::wire {
namespace {

// include/linux/ecryptfs.h: enum ecryptfs_token_types, struct ecryptfs_auth_tok and what it holds
constexpr std::uint16_t kTypePassphrase = 0;
constexpr std::uint16_t kTypePrivateKey = 1;
constexpr std::size_t kSessionKeySize = 588;
constexpr std::size_t kReservedSize = 32;
constexpr std::size_t kSignatureField = KeySignature::kTextSize + 1;
constexpr std::size_t kPkiTypeField = PkiType::kMaxSize + 1;
constexpr std::size_t kSaltSize = 8;
constexpr std::uint32_t kHashSha512 = 10;      // PGP_DIGEST_ALGO_SHA512
constexpr std::uint32_t kFekekIsSet = 0x0002;  // ECRYPTFS_SESSION_KEY_ENCRYPTION_KEY_SET

bool is_pki_type_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

base::Result<KeySignature> take_signature(PacketReader& reader) {
    const std::size_t at = reader.position();
    const auto field = TRY(reader.take("signature", kSignatureField));
    if (field.back() != 0) {
        return reader.fail("signature without a NUL at its end", at);
    }
    auto signature = KeySignature::from_text(base::as_text(field.first(KeySignature::kTextSize)));
    if (!signature) {
        return reader.fail(signature.error().message, at);
    }
    return signature;
}

base::Result<PkiType> take_pki_type(PacketReader& reader) {
    const std::size_t at = reader.position();
    const auto field = TRY(reader.take("PKI type", kPkiTypeField));
    const auto text = base::as_text(field);
    const auto size = std::min(text.find('\0'), text.size());
    if (text.find_first_not_of('\0', size) != std::string_view::npos) {
        return reader.fail("PKI type followed by something else than NULs", at);
    }
    auto type = PkiType::from_text(text.substr(0, size));
    if (!type) {
        return reader.fail(type.error().message, at);
    }
    return type;
}

// Takes what both types of tokens begin with and gives the type.
base::Result<std::uint16_t> take_head(PacketReader& reader) {
    const auto version = TRY(reader.take_native<std::uint16_t>("version"));
    // keystore.c: ecryptfs_verify_version
    if (version != kAuthTokenVersion) {
        return reader.fail(
            fmt::format("version {:#06x} instead of {:#06x}", version, kAuthTokenVersion), 0);
    }
    const std::size_t type_at = reader.position();
    const auto type = reader.take_native<std::uint16_t>("type");
    if (!type) {
        return type;
    }
    if (*type != kTypePassphrase && *type != kTypePrivateKey) {
        return reader.fail(fmt::format("unknown type {}", *type), type_at);
    }
    const auto flags = reader.take("flags", sizeof(std::uint32_t));
    const auto rest = reader.take("session key", kSessionKeySize + kReservedSize);
    if (!flags || !rest) {
        return std::unexpected(flags ? rest.error() : flags.error());
    }
    return type;
}

// The five numbers at the front of struct ecryptfs_password; gives the FEKEK's size.
base::Result<std::uint32_t> take_fekek_size(PacketReader& reader) {
    TRY(reader.take("password_bytes, hash_algo and hash_iterations", 12));
    const std::size_t at = reader.position();
    const auto size = reader.take_native<std::uint32_t>("key_bytes");
    if (!size) {
        return size;
    }
    if (*size == 0 || *size > kMaxFekek) {
        return reader.fail(
            fmt::format("FEKEK of {} bytes, where 1 to {} are expected", *size, kMaxFekek), at);
    }
    TRY(reader.take("passphrase flags", sizeof(std::uint32_t)));
    return size;
}

base::Result<AuthToken> take_passphrase(PacketReader& reader) {
    const auto fekek_size = TRY(take_fekek_size(reader));
    const auto fekek = TRY(reader.take("FEKEK", kMaxFekek));
    const auto signature = TRY(take_signature(reader));
    const auto salt = TRY(reader.take("salt", kSaltSize));
    return PassphraseToken{signature, fekek.first(fekek_size), salt};
}

base::Result<AuthToken> take_private_key(PacketReader& reader) {
    TRY(reader.take("key_size", sizeof(std::uint32_t)));
    const std::size_t size_at = reader.position();
    const auto blob_size = TRY(reader.take_native<std::uint32_t>("data_len"));
    const auto signature = TRY(take_signature(reader));
    auto pki_type = TRY(take_pki_type(reader));
    const auto left = reader.left();
    if (blob_size > left.size()) {
        return reader.fail(fmt::format("data_len says {} bytes, {} follow", blob_size, left.size()),
                           size_at);
    }
    return PrivateKeyToken{signature, std::move(pki_type), left.first(blob_size)};
}

void put_head(base::ByteWriter& writer, std::uint16_t type) {
    writer.put_native(kAuthTokenVersion);
    writer.put_native(type);
    writer.put_native(std::uint32_t{0});  // flags
    writer.put_zeros(kSessionKeySize + kReservedSize);
}

void put_padded(base::ByteWriter& writer, base::ByteView bytes, std::size_t field_size) {
    writer.put(bytes);
    writer.put_zeros(field_size - bytes.size());
}

std::unexpected<base::Error> cannot_encode(std::string_view why) {
    return std::unexpected(
        base::Error{base::ErrorCode::kInvalidToken, fmt::format("authentication token: {}", why)});
}

}  // namespace

base::Result<PkiType> PkiType::from_text(std::string_view text) {
    const bool size_fits = !text.empty() && text.size() <= kMaxSize;
    const bool begins_with_letter = size_fits && text[0] >= 'a' && text[0] <= 'z';
    if (!begins_with_letter || !std::ranges::all_of(text, is_pki_type_character)) {
        return std::unexpected(
            base::Error{base::ErrorCode::kMalformed,
                        fmt::format("PKI type is not 1 to {} lower-case letters, digits and "
                                    "hyphens, beginning with a letter",
                                    kMaxSize)});
    }
    PkiType type;
    type.text_ = text;
    return type;
}

base::Result<AuthToken> parse_auth_token(base::ByteView payload) {
    PacketReader reader("authentication token", base::ErrorCode::kInvalidToken, payload);
    const auto type = TRY(take_head(reader));
    // The kernel reads the whole structure, whatever the key's size is.
    if (payload.size() < kAuthTokenSize) {
        return reader.fail(
            fmt::format("{} bytes are given, {} needed", payload.size(), kAuthTokenSize),
            payload.size());
    }
    return type == kTypePassphrase ? take_passphrase(reader) : take_private_key(reader);
}

std::vector<std::uint8_t> encode_private_key_token(const KeySignature& signature,
                                                   const PkiType& pki_type, std::string_view blob) {
    // As ecryptfs-utils does: the blob begins inside of the structure, at byte 670, and its length
    // is added to the structure's whole size. What is not written here stays zero.
    std::vector<std::uint8_t> payload(kAuthTokenSize + blob.size());
    base::ByteWriter writer(payload);
    put_head(writer, kTypePrivateKey);
    writer.put_native(static_cast<std::uint32_t>(KeySignature::kTextSize));
    writer.put_native(static_cast<std::uint32_t>(blob.size()));
    put_padded(writer, base::as_bytes(signature.text()), kSignatureField);
    put_padded(writer, base::as_bytes(pki_type.text()), kPkiTypeField);
    writer.put(base::as_bytes(blob));
    return payload;
}

base::Result<base::ByteView> encode_passphrase_token(const PassphraseToken& token,
                                                     base::ByteSpan buffer) {
    if (token.fekek.empty() || token.fekek.size() > kMaxFekek) {
        return cannot_encode(fmt::format("FEKEK of {} bytes, where 1 to {} are expected",
                                         token.fekek.size(), kMaxFekek));
    }
    if (token.salt.size() != kSaltSize) {
        return cannot_encode(
            fmt::format("salt of {} bytes, where {} are expected", token.salt.size(), kSaltSize));
    }
    base::ByteWriter writer(buffer);
    put_head(writer, kTypePassphrase);
    writer.put_native(std::uint32_t{0});  // password_bytes
    writer.put_native(kHashSha512);
    writer.put_native(std::uint32_t{0});  // hash_iterations
    writer.put_native(static_cast<std::uint32_t>(token.fekek.size()));
    writer.put_native(kFekekIsSet);
    put_padded(writer, token.fekek, kMaxFekek);
    put_padded(writer, base::as_bytes(token.signature.text()), kSignatureField);
    writer.put(token.salt);
    writer.put_zeros(kAuthTokenSize - std::min(writer.size(), kAuthTokenSize));
    if (!writer.ok()) {
        return cannot_encode(fmt::format("does not fit into a buffer of {} bytes", buffer.size()));
    }
    return writer.written();
}

}  // namespace ecryptfs::wire
