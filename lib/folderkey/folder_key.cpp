// SPDX-License-Identifier: Apache-2.0

#include "lib/folderkey/folder_key.h"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>

#include "lib/base/try.h"
#include "lib/folderkey/openssl_objects.h"
#include "lib/folderkey/random_secret.h"
#include "lib/lower/named_key.h"
#include "lib/lower/openssl.h"

namespace ecryptfs::folderkey {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;

constexpr std::size_t kKeySize = 64;

Result<std::vector<std::uint8_t>> random_bytes(std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    if (::RAND_bytes_ex(lower::openssl_library(), bytes.data(), size, 0) != 1) {
        return std::unexpected(lower::openssl_error("RAND_bytes_ex"));
    }
    return bytes;
}

Result<lower::PassphraseKey> create_key(const lower::Salt& salt) {
    auto bytes = TRY(random_secret(kKeySize));
    return lower::name_passphrase_key(std::move(bytes), salt);
}

// A256GCM, with the protected header as additional data (RFC 7516 section 5.1).
Result<EvpCipherContext> start_gcm(const FolderKeyFile& file, base::ByteView content_key,
                                   int encrypts) {
    const EvpCipher cipher(::EVP_CIPHER_fetch(lower::openssl_library(), "AES-256-GCM", nullptr));
    EvpCipherContext context(::EVP_CIPHER_CTX_new());
    const auto header = base::as_bytes(file.protected_header);
    int size = 0;
    if (!cipher || !context || content_key.size() != kContentKeySize ||
        file.nonce.size() != kNonceSize ||
        ::EVP_CipherInit_ex2(context.get(), cipher.get(), content_key.data(), file.nonce.data(),
                             encrypts, nullptr) != 1 ||
        ::EVP_CipherUpdate(context.get(), nullptr, &size, header.data(),
                           static_cast<int>(header.size())) != 1) {
        return std::unexpected(lower::openssl_error("AES-256-GCM"));
    }
    return context;
}

Result<void> encrypt_content(FolderKeyFile& file, base::ByteView content_key,
                             const SecretBytes& content) {
    const auto context = TRY(start_gcm(file, content_key, 1));
    file.ciphertext.resize(content.size());
    file.tag.resize(kTagSize);
    int size = 0;
    int rest = 0;
    if (::EVP_CipherUpdate(context.get(), file.ciphertext.data(), &size, content.view().data(),
                           static_cast<int>(content.size())) != 1 ||
        ::EVP_CipherFinal_ex(context.get(), file.ciphertext.data() + size, &rest) != 1 ||
        ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG,
                              static_cast<int>(file.tag.size()), file.tag.data()) != 1) {
        return std::unexpected(lower::openssl_error("AES-256-GCM"));
    }
    return {};
}

Result<SecretBytes> decrypt_content(const FolderKeyFile& file, base::ByteView content_key) {
    const auto context = TRY(start_gcm(file, content_key, 0));
    auto content = TRY(SecretBytes::create(file.ciphertext.size()));
    auto tag = file.tag;
    int size = 0;
    int rest = 0;
    if (file.tag.size() != kTagSize ||
        ::EVP_CipherUpdate(context.get(), content.span().data(), &size, file.ciphertext.data(),
                           static_cast<int>(file.ciphertext.size())) != 1 ||
        ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()),
                              tag.data()) != 1 ||
        ::EVP_CipherFinal_ex(context.get(), content.span().data() + size, &rest) != 1) {
        ::ERR_clear_error();
        return std::unexpected(Error{ErrorCode::kDecryptFailed,
                                     "the folder key file was changed, or is damaged",
                                     "take it from a backup"});
    }
    return content;
}

Result<lower::PassphraseKey> take_key(base::ByteReader& reader) {
    const auto bytes = reader.take(kKeySize);
    lower::Salt salt{};
    const auto salt_bytes = reader.take(salt.size());
    if (!bytes || !salt_bytes) {
        return std::unexpected(
            Error{ErrorCode::kMalformed, "the folder key's content is too short"});
    }
    std::ranges::copy(*salt_bytes, salt.begin());
    auto key = TRY(SecretBytes::copy(*bytes));
    return lower::name_passphrase_key(std::move(key), salt);
}

}  // namespace

Result<FolderKey> create_folder_key() {
    auto contents = TRY(create_key(lower::kDefaultSalt));
    auto names = TRY(create_key(lower::kNameSalt));
    return FolderKey{std::move(contents), std::move(names)};
}

Result<FolderKey> import_passphrase(base::ByteView passphrase, const lower::Salt& salt,
                                    NamesFrom source) {
    auto contents = TRY(lower::derive_passphrase_key(passphrase, salt));
    auto names = TRY(lower::derive_passphrase_key(
        passphrase, source == NamesFrom::kNameSalt ? lower::kNameSalt : salt));
    return FolderKey{std::move(contents), std::move(names)};
}

Result<SealedFolderKey> seal_folder_key(const FolderKey& key) {
    auto content = TRY(SecretBytes::create(kContentSize));
    base::ByteWriter writer(content.span());
    for (const auto* each : {&key.contents, &key.names}) {
        writer.put(each->key.view());
        writer.put(each->salt);
    }
    if (!writer.ok() || writer.size() != kContentSize) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, "a key of a folder is not of 64 bytes"});
    }
    SealedFolderKey sealed;
    const auto id = TRY(random_bytes(sealed.file.folder_id.size()));
    std::ranges::copy(id, sealed.file.folder_id.begin());
    sealed.file.contents_signature = key.contents.signature;
    sealed.file.names_signature = key.names.signature;
    sealed.file.protected_header = make_protected_header(sealed.file);
    auto nonce = TRY(random_bytes(kNonceSize));
    sealed.file.nonce = std::move(nonce);
    auto content_key = TRY(random_secret(kContentKeySize));
    sealed.content_key = std::move(content_key);
    TRY(encrypt_content(sealed.file, sealed.content_key.view(), content));
    return sealed;
}

Result<FolderKey> unseal_folder_key(const FolderKeyFile& file, base::ByteView content_key) {
    const auto content = TRY(decrypt_content(file, content_key));
    base::ByteReader reader(content.view());
    auto contents = TRY(take_key(reader));
    auto names = TRY(take_key(reader));
    if (!reader.empty() || contents.signature != file.contents_signature ||
        names.signature != file.names_signature) {
        return std::unexpected(Error{ErrorCode::kDecryptFailed,
                                     "the folder key is not what its file says",
                                     "take it from a backup"});
    }
    return FolderKey{std::move(contents), std::move(names)};
}

}  // namespace ecryptfs::folderkey
