// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/pem_key.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "lib/base/try.h"
#include "pki-modules/common/curve_key.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/openssl_error.h"
#include "pki-modules/common/pem_blocks.h"
#include "pki-modules/openssl/legacy_library.h"
#include "pki-modules/openssl/refused_files.h"

namespace ecryptfs::openssl_module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using module::check_openssl;
using module::EvpPkey;
using module::find_pem_blocks;
using module::OpensslErrors;
using module::PemBlock;
using module::shown;

using Bio = base::Handle<BIO, BIO_free>;
using EncryptedPkcs8 = base::Handle<X509_SIG, X509_SIG_free>;
using Pkcs8 = base::Handle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

constexpr std::string_view kPkcs1 = "RSA PRIVATE KEY";
constexpr std::string_view kSec1 = "EC PRIVATE KEY";
constexpr std::string_view kPkcs8 = "PRIVATE KEY";
constexpr std::string_view kEncryptedPkcs8 = "ENCRYPTED PRIVATE KEY";

void free_der(unsigned char* der) {
    OPENSSL_free(der);
}

// In ordinary memory while it is parsed, as in OpenSSL's own decoders. Wiped when freed.
struct Der {
    base::Handle<unsigned char, free_der> data;
    long size = 0;
};

// "ED25519", or for an elliptic curve "EC secp521r1".
std::string type_name(const EVP_PKEY& key) {
    const char* const type = ::EVP_PKEY_get0_type_name(&key);
    std::array<char, 64> group{};
    std::size_t size = 0;
    const bool has_group = ::EVP_PKEY_is_a(&key, "EC") == 1 &&
                           ::EVP_PKEY_get_group_name(&key, group.data(), group.size(), &size) == 1;
    ::ERR_clear_error();
    return fmt::format("{}{}{}", type == nullptr ? "unknown" : type, has_group ? " " : "",
                       std::string_view(group.data(), has_group ? size : 0));
}

// Parses the key in one file.
class Parser {
  public:
    Parser(std::optional<base::ByteView> passphrase, const std::string& path)
        : passphrase_(passphrase), path_(path) {}

    Result<EvpPkey> parse(const PemBlock& block);

  private:
    // A decrypted key. Has `pkcs8` only if it was encrypted as PKCS#8.
    struct Plain {
        Der der;
        Pkcs8 pkcs8;
    };
    Result<Plain> decrypt(const PemBlock& block);
    Result<Plain> decrypt_by_legacy_library(const PemBlock& block, const Error& refused);
    Result<Der> decode_text(const PemBlock& block);
    Result<Pkcs8> decrypt_pkcs8(const Der& der);
    Result<EvpPkey> key_from_pkcs8(const Pkcs8& pkcs8);
    Result<EvpPkey> require_usable(EVP_PKEY* key);

    std::unexpected<Error> secret_required() const;
    std::unexpected<Error> wrong_secret() const;
    std::unexpected<Error> damaged() const;
    std::unexpected<Error> unsupported() const;
    std::unexpected<Error> unreadable(const OpensslErrors& errors);
    std::unexpected<Error> undecodable(const OpensslErrors& errors) const;

    static int supply_passphrase(char* to, int room, int writing, void* self);

    std::optional<base::ByteView> passphrase_;
    const std::string& path_;
    bool decrypted_ = false;     // from here on a wrong passphrase may cause any failure
    bool lacks_cipher_ = false;  // this key needs OpenSSL's legacy provider
};

int Parser::supply_passphrase(char* to, int room, int /*writing*/, void* self) {
    auto& parser = *static_cast<Parser*>(self);
    parser.decrypted_ = true;
    const auto& passphrase = parser.passphrase_;
    if (!passphrase || passphrase->size() > static_cast<std::size_t>(room)) {
        return -1;
    }
    std::ranges::copy(*passphrase, to);
    return static_cast<int>(passphrase->size());
}

std::unexpected<Error> Parser::secret_required() const {
    return std::unexpected(
        Error{ErrorCode::kSecretRequired,
              fmt::format("{} is encrypted and needs its passphrase", shown(path_)),
              "give the passphrase of the key file"});
}

std::unexpected<Error> Parser::wrong_secret() const {
    return std::unexpected(Error{ErrorCode::kWrongSecret,
                                 fmt::format("wrong passphrase for {}", shown(path_)),
                                 "try again; if the passphrase is right, the file is damaged"});
}

std::unexpected<Error> Parser::damaged() const {
    return std::unexpected(Error{ErrorCode::kInvalidKey,
                                 fmt::format("the private key in {} is damaged", shown(path_)),
                                 "restore the file from a backup"});
}

std::unexpected<Error> Parser::unsupported() const {
    const auto words = command_words(path_);
    return std::unexpected(Error{
        ErrorCode::kInvalidKey,
        fmt::format("the private key in {} is encrypted in a way that OpenSSL does not offer here",
                    shown(path_)),
        fmt::format("convert it where there is OpenSSL 1.1 or older: openssl pkcs8 -topk8 -v2 "
                    "aes-256-cbc -in {} -out {}",
                    words.from, words.to)});
}

// Says why OpenSSL could not read or decrypt the PEM text. An encrypted key has no check sum, so a
// wrong passphrase often looks like damaged bytes.
std::unexpected<Error> Parser::unreadable(const OpensslErrors& errors) {
    if (errors.has(ERR_LIB_PEM, PEM_R_UNSUPPORTED_ENCRYPTION) ||
        errors.has(ERR_LIB_EVP, EVP_R_UNKNOWN_PBE_ALGORITHM) || errors.has(ERR_R_UNSUPPORTED)) {
        lacks_cipher_ = true;
        return unsupported();
    }
    if (errors.has(ERR_LIB_EVP, EVP_R_WRONG_FINAL_BLOCK_LENGTH)) {
        return damaged();
    }
    return undecodable(errors);
}

// Says why the text's DER is no key. One of 256 wrong passphrases decrypts to bytes with a valid
// padding.
std::unexpected<Error> Parser::undecodable(const OpensslErrors& errors) const {
    if (errors.out_of_memory()) {
        return std::unexpected(module::out_of_locked_memory());
    }
    if (!decrypted_) {
        return damaged();
    }
    return passphrase_ && !passphrase_->empty() ? wrong_secret() : secret_required();
}

// Decodes base64, and decrypts the traditional encryption.
Result<Der> Parser::decode_text(const PemBlock& block) {
    if (!block.complete) {
        return damaged();
    }
    if (!block.text.contains('\n')) {
        return std::unexpected(
            Error{ErrorCode::kInvalidKey,
                  fmt::format("the private key in {} has lost its line ends", shown(path_)),
                  "copy the file again, as a file: what was pasted as text may be one line"});
    }
    const Bio bio(
        check_openssl("BIO_new_mem_buf",
                      ::BIO_new_mem_buf(block.text.data(), static_cast<int>(block.text.size()))));
    unsigned char* data = nullptr;
    long size = 0;
    const int result = ::PEM_bytes_read_bio(&data, &size, nullptr, std::string(block.label).c_str(),
                                            bio.get(), supply_passphrase, this);
    if (result <= 0) {
        return unreadable(OpensslErrors::take());
    }
    return Der{base::Handle<unsigned char, free_der>(data), size};
}

Result<Pkcs8> Parser::decrypt_pkcs8(const Der& der) {
    const unsigned char* next = der.data.get();
    const EncryptedPkcs8 encrypted(::d2i_X509_SIG(nullptr, &next, der.size));
    if (!encrypted) {
        return undecodable(OpensslErrors::take());
    }
    if (!passphrase_) {
        return secret_required();
    }
    decrypted_ = true;
    const auto text = base::as_text(*passphrase_);
    Pkcs8 pkcs8(::PKCS8_decrypt_ex(encrypted.get(), text.empty() ? "" : text.data(),
                                   static_cast<int>(text.size()), nullptr, nullptr));
    if (!pkcs8) {
        return unreadable(OpensslErrors::take());
    }
    return pkcs8;
}

Result<EvpPkey> Parser::key_from_pkcs8(const Pkcs8& pkcs8) {
    return pkcs8 ? require_usable(::EVP_PKCS82PKEY_ex(pkcs8.get(), nullptr, nullptr))
                 : undecodable(OpensslErrors::take());
}

// Of a type that the module can use.
Result<EvpPkey> Parser::require_usable(EVP_PKEY* key) {
    EvpPkey owner(key);
    if (!owner) {
        return undecodable(OpensslErrors::take());
    }
    ::ERR_clear_error();  // left behind by OpenSSL's failed attempts
    if (::EVP_PKEY_is_a(key, "RSA") != 1 && !module::curve_point(*key)) {
        return std::unexpected(unusable_type(type_name(*key), path_));
    }
    return owner;
}

Result<Parser::Plain> Parser::decrypt(const PemBlock& block) {
    auto der = TRY(decode_text(block));
    if (block.label != kEncryptedPkcs8) {
        return Plain{std::move(der), {}};
    }
    auto pkcs8 = TRY(decrypt_pkcs8(der));
    return Plain{std::move(der), std::move(pkcs8)};
}

Result<Parser::Plain> Parser::decrypt_by_legacy_library(const PemBlock& block,
                                                        const Error& refused) {
    const LegacyLibrary legacy;
    if (!legacy.is_present()) {
        return std::unexpected(
            Error{refused.code, refused.message,
                  "install OpenSSL's legacy provider: apt install openssl-provider-legacy"});
    }
    return decrypt(block);
}

Result<EvpPkey> Parser::parse(const PemBlock& block) {
    auto plain = decrypt(block);
    if (!plain && lacks_cipher_) {
        plain = decrypt_by_legacy_library(block, plain.error());
    }
    if (!plain) {
        return std::unexpected(std::move(plain.error()));
    }
    if (plain->pkcs8) {
        return key_from_pkcs8(plain->pkcs8);
    }
    const unsigned char* next = plain->der.data.get();
    const long size = plain->der.size;
    if (block.label == kPkcs8) {
        return key_from_pkcs8(Pkcs8(::d2i_PKCS8_PRIV_KEY_INFO(nullptr, &next, size)));
    }
    const int type = block.label == kSec1 ? EVP_PKEY_EC : EVP_PKEY_RSA;
    return require_usable(::d2i_PrivateKey_ex(type, nullptr, &next, size, nullptr, nullptr));
}

std::vector<PemBlock>::const_iterator find_usable(const std::vector<PemBlock>& blocks) {
    return std::ranges::find_if(blocks, [](const PemBlock& block) {
        return block.label == kPkcs1 || block.label == kSec1 || block.label == kPkcs8 ||
               block.label == kEncryptedPkcs8;
    });
}

}  // namespace

bool is_encrypted(base::ByteView pem) {
    const auto blocks = find_pem_blocks(base::as_text(pem));
    const auto usable = find_usable(blocks);
    return usable != blocks.end() && (usable->label == kEncryptedPkcs8 ||
                                      usable->text.find("ENCRYPTED") != std::string_view::npos);
}

Result<EvpPkey> parse_private_key(base::ByteView pem, std::optional<base::ByteView> passphrase,
                                  const std::string& path) {
    ::ERR_clear_error();
    const auto blocks = find_pem_blocks(base::as_text(pem));
    const auto usable = find_usable(blocks);
    if (usable == blocks.end()) {
        return std::unexpected(unusable_file(pem, blocks, path));
    }
    return Parser(passphrase, path).parse(*usable);
}

}  // namespace ecryptfs::openssl_module
