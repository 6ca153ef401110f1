// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/file_key.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <numeric>

#include "lib/base/try.h"
#include "lib/lower/block_cipher.h"
#include "lib/lower/openssl.h"
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
        // The same words as for wrong padding: who could tell the two apart, could decrypt with the
        // key.
        return std::unexpected(base::Error{
            ErrorCode::kDecryptFailed, std::string(base::traits(ErrorCode::kDecryptFailed).meaning),
            "check that the file was made with this key"});
    }
    const wire::Cipher* cipher = wire::find_cipher(decrypted.front());
    const auto fek = decrypted.subspan(1, decrypted.size() - 3);
    if (cipher == nullptr || !cipher->takes_key(fek.size())) {
        return failed(ErrorCode::kMalformed, fmt::format("file key of {} bytes for cipher {:#04x}",
                                                         fek.size(), decrypted.front()));
    }
    auto copy = TRY(base::SecretBytes::copy(fek));
    return FileKey{cipher, std::move(copy)};
}

Result<FileKey> file_key_from_packet(const KeyPacket& packet, base::ByteView fekek) {
    const wire::Cipher* cipher = wire::find_cipher(packet.cipher_code);
    if (cipher == nullptr) {
        return failed(ErrorCode::kMalformed,
                      fmt::format("unknown cipher {:#04x}", packet.cipher_code));
    }
    // An AES-192 key is one and a half blocks, and encrypted as two (keystore.c:
    // parse_tag_3_packet).
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
    auto fek = TRY(base::SecretBytes::copy(decrypted->view().first(key_size)));
    return FileKey{cipher, std::move(fek)};
}

Result<FileKey> make_file_key(const wire::Cipher& cipher, std::size_t size) {
    if (!cipher.takes_key(size)) {
        return failed(ErrorCode::kInvalidArgument,
                      fmt::format("a file key of {} bytes for the cipher {}", size, cipher.name));
    }
    auto fek = TRY(base::SecretBytes::create(size));
    if (::RAND_priv_bytes_ex(openssl_library(), fek.span().data(), size, 0) != 1) {
        return std::unexpected(openssl_error("RAND_priv_bytes_ex"));
    }
    return FileKey{&cipher, std::move(fek)};
}

Result<base::SecretBytes> file_key_to_encrypt(const FileKey& key) {
    auto bytes = TRY(base::SecretBytes::create(1 + key.fek.size() + 2));
    const auto fek = key.fek.view();
    base::ByteWriter writer(bytes.span());
    writer.put_byte(key.cipher->code);
    writer.put(fek);
    writer.put_big_endian(std::accumulate(fek.begin(), fek.end(), std::uint16_t{0},
                                          [](std::uint16_t sum, std::uint8_t byte) {
                                              return static_cast<std::uint16_t>(sum + byte);
                                          }));
    return bytes;
}

Result<std::vector<std::uint8_t>> encrypt_file_key(const FileKey& key, base::ByteView fekek) {
    const auto size = key.fek.size();
    // Of the ciphers' usual keys only AES-192's is not whole blocks: see file_key_from_packet().
    const auto block = key.cipher->block_size;
    const auto padded_size = (size + block - 1) / block * block;
    if (size > fekek.size() || std::min(padded_size, key.cipher->largest_key) != size) {
        return failed(
            ErrorCode::kInvalidArgument,
            fmt::format("a file key of {} bytes for the cipher {}", size, key.cipher->name));
    }
    auto padded = TRY(base::SecretBytes::create(padded_size));
    std::ranges::copy(key.fek.view(), padded.span().begin());
    auto encryption = TRY(BlockCipher::create(*key.cipher, BlockCipher::Mode::kEcb,
                                              BlockCipher::Direction::kEncrypt, fekek.first(size)));
    std::vector<std::uint8_t> encrypted(padded.size());
    TRY(encryption.run({}, padded.view(), encrypted));
    return encrypted;
}

}  // namespace ecryptfs::lower
