// SPDX-License-Identifier: Apache-2.0
//
// A name that is made of the input, encrypted, written, read and decrypted again.

#include "lib/lower/name_key.h"
#include "tests/fuzz/check.h"

namespace ecryptfs::fuzz {
namespace {

constexpr std::size_t kFnekSize = 64;

void try_name(std::string_view plain, const lower::NameCipher& cipher, base::ByteView fnek) {
    const auto encrypted = lower::encrypt_name(plain, cipher, fnek);
    if (!encrypted) {
        const bool is_name = !plain.empty() && plain.find('\0') == std::string_view::npos;
        const auto code = encrypted.error().code;
        require(code == base::ErrorCode::kNotSupported ||
                    (!is_name && code == base::ErrorCode::kInvalidArgument),
                "refused is what is no name, or a cipher that OpenSSL does not have");
        return;
    }
    const auto text = lower::encode_encrypted_name(*encrypted);
    const auto read = lower::parse_encrypted_name(text);
    require(read.has_value(), "what was written can be read");
    require(read->signature == cipher.signature && read->cipher_code == cipher.cipher->code &&
                read->encrypted == encrypted->encrypted,
            "an encrypted name stays the same");
    const auto decrypted = lower::decrypt_name(*read, fnek);
    require(decrypted.has_value() && *decrypted == plain, "a name stays the same");
}

}  // namespace

// The input: the cipher, the key's size, the signature, the key and the name.
void try_input(base::ByteView input) {
    base::ByteReader reader(input);
    const auto choice = reader.take_big_endian<std::uint16_t>();
    const auto signature = reader.take(wire::KeySignature::kSize);
    const auto fnek = reader.take(kFnekSize);
    if (!choice || !signature || !fnek) {
        return;
    }
    const auto& cipher = wire::ciphers()[(*choice >> 8) % wire::ciphers().size()];
    const std::size_t wished = wire::kKeySizes[*choice % wire::kKeySizes.size()];
    const auto size = cipher.takes_key(wished) ? wished : cipher.largest_key;
    try_name(base::as_text(reader.left()),
             {wire::KeySignature::from_bytes(signature->first<wire::KeySignature::kSize>()),
              &cipher, size},
             *fnek);
}

}  // namespace ecryptfs::fuzz
