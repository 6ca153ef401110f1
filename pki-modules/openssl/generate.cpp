// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/generate.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <span>
#include <string_view>

#include "lib/base/file_uri.h"
#include "lib/base/try.h"
#include "pki-modules/common/curve_key.h"
#include "pki-modules/common/new_key_curve.h"
#include "pki-modules/common/new_key_file.h"
#include "pki-modules/common/openssl_error.h"
#include "pki-modules/common/rsa_contexts.h"
#include "pki-modules/openssl/secure_memory.h"

namespace ecryptfs::openssl_module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using module::check_openssl;

using Bio = base::Handle<BIO, BIO_free>;
using Pkcs8 = base::Handle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;
using EncryptedPkcs8 = base::Handle<X509_SIG, X509_SIG_free>;
using Algorithm = base::Handle<X509_ALGOR, X509_ALGOR_free>;

Result<unsigned> choose_bits(std::uint32_t wanted) {
    constexpr unsigned kBest = 3072;
    if (wanted == 0) {
        return kBest;
    }
    if (wanted != 2048 && wanted != kBest && wanted != 4096) {
        return std::unexpected(Error{ErrorCode::kNotSupported,
                                     fmt::format("RSA keys of {} bits cannot be made", wanted),
                                     "choose 2048, 3072 or 4096 bits"});
    }
    return wanted;
}

// OpenSSL's temporary memory is wiped when freed, by our own allocator.
module::EvpPkey make_rsa_key(unsigned bits) {
    const module::EvpPkeyContext context(check_openssl(
        "EVP_PKEY_CTX_new_from_name", ::EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr)));
    check_openssl("EVP_PKEY_keygen_init", ::EVP_PKEY_keygen_init(context.get()));
    check_openssl("EVP_PKEY_CTX_set_rsa_keygen_bits",
                  ::EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits)));
    EVP_PKEY* key = nullptr;
    check_openssl("EVP_PKEY_generate", ::EVP_PKEY_generate(context.get(), &key));
    return module::EvpPkey(key);
}

// scrypt with 16 MiB, as OpenSSL's own programs use. They read little more.
EncryptedPkcs8 encrypt(PKCS8_PRIV_KEY_INFO& key, base::ByteView passphrase) {
    constexpr std::uint64_t kCost = 16384;
    constexpr std::uint64_t kBlocks = 8;
    constexpr std::uint64_t kParallel = 1;
    Algorithm algorithm(check_openssl(
        "PKCS5_pbe2_set_scrypt", ::PKCS5_pbe2_set_scrypt(::EVP_aes_256_cbc(), nullptr, 0, nullptr,
                                                         kCost, kBlocks, kParallel)));
    const auto text = base::as_text(passphrase);
    EncryptedPkcs8 encrypted(check_openssl(
        "PKCS8_set0_pbe_ex", ::PKCS8_set0_pbe_ex(text.data(), static_cast<int>(text.size()), &key,
                                                 algorithm.get(), nullptr, nullptr)));
    static_cast<void>(algorithm.release());  // part of `encrypted` now
    return encrypted;
}

// In the secure heap, as PEM without a passphrase shows the private key.
Bio to_pem(const evp_pkey_st& key, base::ByteView passphrase) {
    Bio pem(check_openssl("BIO_new", ::BIO_new(::BIO_s_secmem())));
    const Pkcs8 pkcs8(check_openssl("EVP_PKEY2PKCS8", ::EVP_PKEY2PKCS8(&key)));
    if (passphrase.empty()) {
        check_openssl("PEM_write_bio_PKCS8_PRIV_KEY_INFO",
                      ::PEM_write_bio_PKCS8_PRIV_KEY_INFO(pem.get(), pkcs8.get()));
    } else {
        check_openssl("PEM_write_bio_PKCS8",
                      ::PEM_write_bio_PKCS8(pem.get(), encrypt(*pkcs8, passphrase).get()));
    }
    return pem;
}

base::ByteView bio_contents(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return base::as_bytes({text, static_cast<std::size_t>(size)});
}

Result<void> refuse_options(const ecryptfs_pki_new_key& wanted) {
    for (const auto& option : std::span(wanted.options, wanted.option_count)) {
        if (std::string_view(option.name) != module::kCurveOption) {
            return std::unexpected(
                Error{ErrorCode::kNotSupported,
                      fmt::format("there is no option \"{}\" in the module openssl", option.name),
                      "the one option for new keys in the module openssl is curve"});
        }
    }
    return {};
}

}  // namespace

Result<std::string> generate_key(const ecryptfs_pki_new_key& wanted) {
    TRY(memory_is_safe());
    TRY(refuse_options(wanted));
    const auto path = TRY(base::path_of_file_uri(wanted.where));
    const auto curve = TRY(module::wanted_curve(wanted));
    const auto bits = TRY(choose_bits(wanted.bits));
    TRY(module::check_no_file(path));
    base::ByteView passphrase;
    if (wanted.secret != nullptr) {
        passphrase = {wanted.secret->data, wanted.secret->size};
    }
    const auto key =
        curve == ECRYPTFS_PKI_NO_CURVE ? make_rsa_key(bits) : module::make_curve_key(curve);
    const Bio pem = to_pem(*key, passphrase);
    TRY(module::write_new_key_file(path, bio_contents(pem.get())));
    return std::string(wanted.where);
}

}  // namespace ecryptfs::openssl_module
