// SPDX-License-Identifier: Apache-2.0
//
// The payload of an eCryptfs key in a keyring: a packed, native-endian struct ecryptfs_auth_tok
// (include/linux/ecryptfs.h), for private keys followed by a blob that is user space's own.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::wire {

inline constexpr std::uint16_t kAuthTokenVersion = 0x0004;
inline constexpr std::size_t kAuthTokenSize = 740;
inline constexpr std::size_t kMaxFekek = 64;

// Name of a PKI module: 1 to 16 lower-case letters, digits and hyphens, beginning with a letter.
// It becomes part of a file name, so it must not name another folder.
class PkiType {
  public:
    static constexpr std::size_t kMaxSize = 16;

    // kMalformed for anything else.
    static base::Result<PkiType> from_text(std::string_view text);
    const std::string& text() const { return text_; }
    auto operator<=>(const PkiType&) const = default;

  private:
    PkiType() = default;
    std::string text_;
};

// A private-key token; `blob` is a view into the payload. It may hold a passphrase in the clear
// (ecryptfs-utils): treat it as a secret.
struct PrivateKeyToken {
    KeySignature signature;
    PkiType pki_type;
    base::ByteView blob;
};

// A passphrase token; `fekek` (key_bytes long) is a view into the payload, and a secret.
struct PassphraseToken {
    KeySignature signature;
    base::ByteView fekek;
    base::ByteView salt;  // 8 bytes
};

using AuthToken = std::variant<PassphraseToken, PrivateKeyToken>;

// kInvalidToken, with what and at which byte, for: too few bytes, another version or type, a
// signature that is not 16 hexadecimal digits and a NUL, a PKI type of another form, lengths that
// leave the payload.
base::Result<AuthToken> parse_auth_token(base::ByteView payload);

// The payload of a private-key token, 740 bytes + blob as ecryptfs-utils writes it. `blob` must not
// be a secret here: the result is ordinary memory, and goes where the user class may read it.
std::vector<std::uint8_t> encode_private_key_token(const KeySignature& signature,
                                                   const PkiType& pki_type, std::string_view blob);

// Writes a passphrase token's 740 bytes into `buffer`, which is a secret then. kInvalidToken for a
// FEKEK of no bytes or too many, a salt that is not 8 bytes, a buffer that is too small.
base::Result<base::ByteView> encode_passphrase_token(const PassphraseToken& token,
                                                     base::ByteSpan buffer);

}  // namespace ecryptfs::wire
