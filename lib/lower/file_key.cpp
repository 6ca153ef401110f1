// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/file_key.h"

#include <fmt/format.h>

#include "lib/base/try.h"
#include "lib/lower/block_cipher.h"
#include "lib/wire/tag_packet.h"

namespace ecryptfs::lower {
namespace {

using base::ErrorCode;
using base::Result;

std::unexpected<base::Error> failed(ErrorCode code, std::string message) {
    return std::unexpected(base::Error{code, std::move(message)});
}

}  // namespace

Result<FileKey> file_key_from_decrypted(base::ByteView decrypted) {
    if (!wire::has_valid_checksum(decrypted)) {
        // In the words for wrong padding, too: whoever can tell them apart can decrypt with the
        // key.
        return std::unexpected(base::Error{
            ErrorCode::kDecryptFailed, std::string(base::traits(ErrorCode::kDecryptFailed).meaning),
            "check that the file was made with this key"});
    }
    const Cipher* cipher = find_cipher(decrypted.front());
    const auto fek = decrypted.subspan(1, decrypted.size() - 3);
    if (cipher == nullptr || !cipher->takes_key(fek.size())) {
        return failed(ErrorCode::kMalformed, fmt::format("file key of {} bytes for cipher {:#04x}",
                                                         fek.size(), decrypted.front()));
    }
    auto copy = TRY(base::SecretBytes::copy_of(fek));
    return FileKey{cipher, std::move(copy)};
}

Result<FileKey> file_key_from_packet(const KeyPacket& packet, base::ByteView fekek) {
    const Cipher* cipher = find_cipher(packet.cipher_code);
    if (cipher == nullptr) {
        return failed(ErrorCode::kMalformed,
                      fmt::format("unknown cipher {:#04x}", packet.cipher_code));
    }
    // AES-192 keys fill a block and a half, and are encrypted as two (keystore.c:
    // parse_tag_3_packet)
    const std::size_t key_size = std::min(packet.encrypted_fek.size(), cipher->largest_key);
    if (!cipher->takes_key(key_size) || key_size > fekek.size() ||
        packet.encrypted_fek.size() >= key_size + cipher->block_size) {
        return failed(ErrorCode::kMalformed,
                      fmt::format("encrypted file key of {} bytes for the cipher {}",
                                  packet.encrypted_fek.size(), cipher->name));
    }
    auto decryption = BlockCipher::create(*cipher, BlockCipher::Mode::kEcb,
                                          BlockCipher::Direction::kDecrypt, fekek.first(key_size));
    auto decrypted = base::SecretBytes::create(packet.encrypted_fek.size());
    if (!decryption || !decrypted) {
        return std::unexpected(decryption ? decrypted.error() : decryption.error());
    }
    TRY(decryption->run({}, packet.encrypted_fek, decrypted->span()));
    auto fek = TRY(base::SecretBytes::copy_of(decrypted->view().first(key_size)));
    return FileKey{cipher, std::move(fek)};
}

}  // namespace ecryptfs::lower
