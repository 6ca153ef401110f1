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

#include "lib/base/secret_slip.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/openssl_error.h"
#include "pki-modules/common/pem_blocks.h"
#include "pki-modules/openssl/legacy_library.h"

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
constexpr std::string_view kPkcs8 = "PRIVATE KEY";
constexpr std::string_view kEncryptedPkcs8 = "ENCRYPTED PRIVATE KEY";

Error not_rsa(std::string_view type, const std::string& path) {
    return {
        ErrorCode::kInvalidKey,
        fmt::format("the private key in {} is of type {}; eCryptfs needs RSA", shown(path), type),
        "use an RSA key of 2048 to 4096 bits: openssl genrsa -aes256 3072"};
}

// What a command in an advice calls the file, and the file that it writes: a long path would leave
// no room for the command.
struct Words {
    explicit Words(const std::string& path) {
        constexpr std::size_t kMost = 60;
        if (path.size() <= kMost) {
            from = base::shell_word(path);
            to = base::shell_word(path + ".pem");
        }
    }
    std::string from = "FILE";
    std::string to = "FILE.pem";
};

// A kind of PEM block that is no RSA private key, by the end of its label.
struct Refusal {
    std::string_view label_end;
    std::string_view what_it_is;
    std::string_view advice;  // with Words in it
};

constexpr std::string_view kNamePrivateKey = "name the file that holds the private key";
constexpr std::string_view kUseTpm2 = "use the module tpm2 for this file: --module tpm2";

constexpr auto kRefusals = std::to_array<Refusal>({
    {"OPENSSH PRIVATE KEY", "a private key in OpenSSH's own format",
     "convert a copy of the file: cp -p {0} {1} && ssh-keygen -p -m PEM -f {1}"},
    {"TSS2 PRIVATE KEY", "a key of the TPM", kUseTpm2},
    {"TSS2 KEY BLOB", "a key of the TPM", kUseTpm2},
    {"CERTIFICATE", "a certificate and no private key", kNamePrivateKey},
    {"PUBLIC KEY", "a public key and no private key", kNamePrivateKey},
});

bool has_label(const std::vector<PemBlock>& blocks, std::string_view ending) {
    return std::ranges::any_of(
        blocks, [ending](const PemBlock& block) { return block.label.ends_with(ending); });
}

// What DER begins with: a SEQUENCE, and in it (X.690, 8.1.3: after one byte of length, or as many
// as it says) the number of the format's version, if it has one.
std::optional<std::uint8_t> der_version(base::ByteView der) {
    constexpr std::array<std::uint8_t, 2> kSmallInteger{0x02, 1};
    const std::size_t size_of_length = der[1] < 0x80 ? 1 : 1 + (der[1] & 0x7fU);
    const auto inside = der.subspan(std::min(der.size(), 1 + size_of_length));
    const bool has_version = inside.size() > kSmallInteger.size() &&
                             std::ranges::equal(inside.first(kSmallInteger.size()), kSmallInteger);
    return has_version ? std::optional(inside[kSmallInteger.size()]) : std::nullopt;
}

// OpenSSL 3 reads ciphers of 40 bits and RC4 only if it is told to: pkcs-12PbeIds 1, 2, 5 and 6 of
// RFC 7292, appendix C.
bool needs_legacy_ciphers(base::ByteView pkcs12) {
    constexpr std::string_view kPbeIds = "\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01";
    const auto text = base::as_text(pkcs12);
    for (auto at = text.find(kPbeIds); at != std::string_view::npos;
         at = text.find(kPbeIds, at + 1)) {
        const auto which = text.substr(at + kPbeIds.size(), 1);
        if (!which.empty() && std::string_view("\1\2\5\6").contains(which)) {
            return true;
        }
    }
    return false;
}

std::string advice_for_binary(base::ByteView file, const std::string& path) {
    const Words words(path);
    const auto from_der =
        fmt::format("openssl pkey -inform DER -in {} -aes256 -out {}", words.from, words.to);
    constexpr std::uint8_t kDerSequence = 0x30;
    if (file.size() < 2 || file.front() != kDerSequence) {
        return std::string(kNamePrivateKey);
    }
    const auto version = der_version(file);
    if (version == 3) {  // RFC 7292, 4
        return fmt::format("convert it from PKCS#12: openssl pkcs12 {}-in {} -nocerts -out {}",
                           needs_legacy_ciphers(file) ? "-legacy " : "", words.from, words.to);
    }
    if (version == 0) {  // RFC 5208, 5, and RFC 8017, A.1.2
        return fmt::format("convert it from DER: {}", from_der);
    }
    return fmt::format("if it is a key, convert it from DER: {}", from_der);
}

Error unusable_file(base::ByteView file, const std::vector<PemBlock>& blocks,
                    const std::string& path) {
    for (const auto type : {"EC", "DSA"}) {
        if (has_label(blocks, fmt::format("{} PRIVATE KEY", type))) {
            return not_rsa(type, path);
        }
    }
    const Words words(path);
    for (const auto& refusal : kRefusals) {
        if (has_label(blocks, refusal.label_end)) {
            return {ErrorCode::kInvalidKey,
                    fmt::format("{} holds {}", shown(path), refusal.what_it_is),
                    fmt::format(fmt::runtime(refusal.advice), words.from, words.to)};
        }
    }
    return {ErrorCode::kInvalidKey, fmt::format("{} holds no private key in PEM form", shown(path)),
            advice_for_binary(file, path)};
}

void free_der(unsigned char* der) {
    OPENSSL_free(der);
}

// For the moment of parsing in ordinary memory, as in OpenSSL's own decoders; wiped when freed.
struct Der {
    base::Handle<unsigned char, free_der> data;
    long size = 0;
};

// The one file that is being parsed, for messages.
class Parser {
  public:
    Parser(std::optional<base::ByteView> passphrase, const std::string& path)
        : passphrase_(passphrase), path_(path) {}

    Result<EvpPkey> parse(const PemBlock& block);

  private:
    // A key without its encryption: PKCS#8, if it was encrypted as such.
    struct Plain {
        Der der;
        Pkcs8 pkcs8;
    };
    Result<Plain> decrypt(const PemBlock& block);
    Result<Plain> decrypt_by_legacy_library(const PemBlock& block, const Error& refused);
    Result<Der> decode_text(const PemBlock& block);
    Result<Pkcs8> decrypt_pkcs8(const Der& der);
    Result<EvpPkey> key_from_pkcs8(const Pkcs8& pkcs8);
    Result<EvpPkey> only_rsa(EVP_PKEY* key);

    std::unexpected<Error> secret_required() const;
    std::unexpected<Error> wrong_secret() const;
    std::unexpected<Error> damaged() const;
    std::unexpected<Error> unsupported() const;
    std::unexpected<Error> unreadable(const OpensslErrors& errors);
    std::unexpected<Error> undecodable(const OpensslErrors& errors) const;

    static int hand_over_passphrase(char* to, int room, int writing, void* self);

    std::optional<base::ByteView> passphrase_;
    const std::string& path_;
    bool decrypted_ = false;     // with the passphrase: what is wrong from here on may be its fault
    bool lacks_cipher_ = false;  // OpenSSL, for this key, without its legacy provider
};

int Parser::hand_over_passphrase(char* to, int room, int /*writing*/, void* self) {
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
    const Words words(path_);
    return std::unexpected(Error{
        ErrorCode::kInvalidKey,
        fmt::format("the private key in {} is encrypted in a way that OpenSSL does not offer here",
                    shown(path_)),
        fmt::format("convert it where there is OpenSSL 1.1 or older: openssl pkcs8 -topk8 -v2 "
                    "aes-256-cbc -in {} -out {}",
                    words.from, words.to)});
}

// Says why OpenSSL could not read or decrypt the PEM text. An encrypted key has no check sum: a
// wrong passphrase and damaged bytes look alike unless the damage shows in the form.
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

// Says why the text's DER is no key: of 256 wrong passphrases, one decrypts to something with a
// right padding.
std::unexpected<Error> Parser::undecodable(const OpensslErrors& errors) const {
    if (errors.out_of_memory()) {
        return std::unexpected(module::out_of_locked_memory());
    }
    if (!decrypted_) {
        return damaged();
    }
    return passphrase_ && !passphrase_->empty() ? wrong_secret() : secret_required();
}

// Base64 and the traditional encryption: gives the DER.
Result<Der> Parser::decode_text(const PemBlock& block) {
    if (!block.complete) {
        return damaged();
    }
    const Bio bio(
        check_openssl("BIO_new_mem_buf",
                      ::BIO_new_mem_buf(block.text.data(), static_cast<int>(block.text.size()))));
    unsigned char* data = nullptr;
    long size = 0;
    const int result = ::PEM_bytes_read_bio(&data, &size, nullptr, std::string(block.label).c_str(),
                                            bio.get(), hand_over_passphrase, this);
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
    return pkcs8 ? only_rsa(::EVP_PKCS82PKEY_ex(pkcs8.get(), nullptr, nullptr))
                 : undecodable(OpensslErrors::take());
}

Result<EvpPkey> Parser::only_rsa(EVP_PKEY* key) {
    EvpPkey owner(key);
    if (!owner) {
        return undecodable(OpensslErrors::take());
    }
    ::ERR_clear_error();  // left behind by attempts that led nowhere
    if (::EVP_PKEY_is_a(key, "RSA") != 1) {
        const char* type = ::EVP_PKEY_get0_type_name(key);
        return std::unexpected(not_rsa(type == nullptr ? "unknown" : type, path_));
    }
    return owner;
}

Result<Parser::Plain> Parser::decrypt(const PemBlock& block) {
    auto der = decode_text(block);
    if (!der) {
        return std::unexpected(std::move(der.error()));
    }
    if (block.label != kEncryptedPkcs8) {
        return Plain{std::move(*der), {}};
    }
    auto pkcs8 = decrypt_pkcs8(*der);
    if (!pkcs8) {
        return std::unexpected(std::move(pkcs8.error()));
    }
    return Plain{std::move(*der), std::move(*pkcs8)};
}

Result<Parser::Plain> Parser::decrypt_by_legacy_library(const PemBlock& block,
                                                        const Error& refused) {
    const LegacyLibrary legacy;
    if (!legacy.is_there()) {
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
    return only_rsa(::d2i_PrivateKey_ex(EVP_PKEY_RSA, nullptr, &next, size, nullptr, nullptr));
}

std::vector<PemBlock>::const_iterator find_usable(const std::vector<PemBlock>& blocks) {
    return std::ranges::find_if(blocks, [](const PemBlock& block) {
        return block.label == kPkcs1 || block.label == kPkcs8 || block.label == kEncryptedPkcs8;
    });
}

}  // namespace

bool is_encrypted(base::ByteView pem) {
    const auto blocks = find_pem_blocks(base::as_text(pem));
    const auto usable = find_usable(blocks);
    return usable != blocks.end() && (usable->label == kEncryptedPkcs8 ||
                                      usable->text.find("ENCRYPTED") != std::string_view::npos);
}

Result<EvpPkey> parse_rsa_private_key(base::ByteView pem, std::optional<base::ByteView> passphrase,
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
