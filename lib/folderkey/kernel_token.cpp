// SPDX-License-Identifier: Apache-2.0

#include "lib/folderkey/kernel_token.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/try.h"
#include "lib/folderkey/random_secret.h"
#include "lib/lower/openssl.h"

namespace ecryptfs::folderkey {
namespace {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;

constexpr std::size_t kFekekSize = 64;  // ECRYPTFS_MAX_KEY_BYTES: this format has no other
constexpr std::size_t kDigestSize = 32;
constexpr std::size_t kMasterKeySize = 32;
constexpr std::size_t kIvSize = 16;
constexpr std::size_t kSecretNameSize = 16;
constexpr std::string_view kFormat = "ecryptfs";
constexpr std::string_view kKeySizeText = "64";
constexpr std::string_view kNamePrefix = "user:";

// When somebody reads the token, the kernel logs the name of the master key that it does not find.
// A line of its log has 1,024 bytes at most (kernel/printk/printk.c): the secret part of the name
// comes behind them.
constexpr std::size_t kNamePadding = 1100;

void put_hex(base::ByteWriter& writer, ByteView bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const auto byte : bytes) {
        writer.put_byte(static_cast<std::uint8_t>(kDigits[byte >> 4U]));
        writer.put_byte(static_cast<std::uint8_t>(kDigits[byte & 15U]));
    }
}

// Ends with a zero byte.
Result<SecretBytes> make_master_name() {
    const auto secret = TRY(random_secret(kSecretNameSize));
    auto name = TRY(SecretBytes::create(kNamePadding + 2 * kSecretNameSize + 1));
    std::ranges::fill(name.span().first(kNamePadding), std::uint8_t{'x'});
    base::ByteWriter writer(name.span().subspan(kNamePadding));
    put_hex(writer, secret.view());
    return name;
}

Result<SecretBytes> sha256(ByteView data) {
    auto digest = TRY(SecretBytes::create(kDigestSize));
    unsigned int size = 0;
    if (::EVP_Digest(data.data(), data.size(), digest.span().data(), &size, ::EVP_sha256(),
                     nullptr) != 1) {
        return std::unexpected(lower::openssl_error("EVP_Digest"));
    }
    return digest;
}

// get_derived_key(): SHA-256 of the purpose, a zero byte, the master key; zeros up to the size that
// the longer purpose gives.
Result<SecretBytes> derive(std::string_view purpose, const SecretBytes& master_key) {
    constexpr std::string_view kLongerPurpose = "AUTH_KEY";
    auto input = TRY(SecretBytes::create(kLongerPurpose.size() + 1 + master_key.size()));
    base::ByteWriter writer(input.span());
    writer.put(base::as_bytes(purpose));
    writer.put_byte(0);
    writer.put(master_key.view());
    return sha256(input.view());
}

// AES-256-CBC. What is encrypted is of whole blocks.
Result<std::vector<std::uint8_t>> encrypt(const SecretBytes& key, ByteView iv, ByteView plain) {
    const lower::EvpCipherContext context(::EVP_CIPHER_CTX_new());
    std::vector<std::uint8_t> encrypted(plain.size());
    int size = 0;
    if (!context ||
        ::EVP_EncryptInit_ex2(context.get(), ::EVP_aes_256_cbc(), key.view().data(), iv.data(),
                              nullptr) != 1 ||
        ::EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
        ::EVP_EncryptUpdate(context.get(), encrypted.data(), &size, plain.data(),
                            static_cast<int>(plain.size())) != 1 ||
        static_cast<std::size_t>(size) != plain.size()) {
        return std::unexpected(lower::openssl_error("AES-256-CBC"));
    }
    return encrypted;
}

// What the kernel authenticates: texts and the initialization vector end with a zero byte.
Result<SecretBytes> authenticated_part(ByteView master_name, ByteView iv, ByteView encrypted) {
    constexpr std::size_t kMostTexts = 32;
    auto part = TRY(
        SecretBytes::create(kMostTexts + master_name.size() + iv.size() + 1 + encrypted.size()));
    base::ByteWriter writer(part.span());
    writer.put(base::as_bytes(kFormat));
    writer.put_byte(0);
    writer.put(base::as_bytes(kNamePrefix));
    writer.put(master_name);
    writer.put(base::as_bytes(kKeySizeText));
    writer.put_byte(0);
    writer.put(iv);
    writer.put_byte(0);
    writer.put(encrypted);
    return SecretBytes::copy(writer.written());
}

// "load ecryptfs user:NAME 64 HEX": the initialization vector, a zero byte, what is encrypted, its
// authentication.
Result<SecretBytes> load_command(ByteView master_name, ByteView iv, ByteView encrypted,
                                 ByteView tag) {
    constexpr std::size_t kMostTexts = 64;
    auto command = TRY(SecretBytes::create(kMostTexts + master_name.size() +
                                           2 * (iv.size() + 1 + encrypted.size() + tag.size())));
    base::ByteWriter writer(command.span());
    writer.put(base::as_bytes("load "));
    writer.put(base::as_bytes(kFormat));
    writer.put(base::as_bytes(" "));
    writer.put(base::as_bytes(kNamePrefix));
    writer.put(master_name.first(master_name.size() - 1));
    writer.put(base::as_bytes(" "));
    writer.put(base::as_bytes(kKeySizeText));
    writer.put(base::as_bytes(" "));
    put_hex(writer, iv);
    writer.put(base::as_bytes("00"));
    put_hex(writer, encrypted);
    put_hex(writer, tag);
    return SecretBytes::copy(writer.written());
}

Result<std::array<std::uint8_t, kDigestSize>> authenticate(const SecretBytes& key, ByteView data) {
    std::array<std::uint8_t, kDigestSize> tag{};
    unsigned int size = 0;
    if (::HMAC(::EVP_sha256(), key.view().data(), static_cast<int>(key.size()), data.data(),
               data.size(), tag.data(), &size) == nullptr) {
        return std::unexpected(lower::openssl_error("HMAC"));
    }
    return tag;
}

}  // namespace

Result<keyring::HiddenToken> make_kernel_token(const lower::PassphraseKey& key) {
    if (key.key.size() != kFekekSize) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("a folder's key has {} bytes, not {}", kFekekSize, key.key.size())});
    }
    auto name = TRY(make_master_name());
    auto master_key = TRY(random_secret(kMasterKeySize));
    const auto iv = TRY(random_secret(kIvSize));
    const auto encryption_key = TRY(derive("ENC_KEY", master_key));
    const auto encrypted = TRY(encrypt(encryption_key, iv.view(), key.key.view()));
    const auto authentication_key = TRY(derive("AUTH_KEY", master_key));
    const auto part = TRY(authenticated_part(name.view(), iv.view(), encrypted));
    const auto tag = TRY(authenticate(authentication_key, part.view()));
    auto command = TRY(load_command(name.view(), iv.view(), encrypted, tag));
    return keyring::HiddenToken{key.signature, std::move(name), std::move(master_key),
                                std::move(command)};
}

}  // namespace ecryptfs::folderkey
