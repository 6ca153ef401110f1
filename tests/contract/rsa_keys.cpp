// SPDX-License-Identifier: Apache-2.0

#include "tests/contract/rsa_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdexcept>

namespace ecryptfs::contract {
namespace {

using Context = base::Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Bignum = base::Handle<BIGNUM, BN_free>;
using Bio = base::Handle<BIO, BIO_free>;

void check(bool worked, const char* what) {
    if (!worked) {
        throw std::runtime_error(what);
    }
}

std::vector<std::uint8_t> number_of(const evp_pkey_st& key, const char* name) {
    BIGNUM* number = nullptr;
    check(::EVP_PKEY_get_bn_param(&key, name, &number) == 1, name);
    const Bignum owner(number);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(BN_num_bytes(number)));
    ::BN_bn2bin(number, bytes.data());
    return bytes;
}

std::string text_of(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return {text, static_cast<std::size_t>(size)};
}

std::vector<std::uint8_t> encrypt(EVP_PKEY_CTX& context, const EVP_PKEY& public_key,
                                  base::ByteView plain) {
    std::vector<std::uint8_t> wrapped(static_cast<std::size_t>(EVP_PKEY_get_size(&public_key)));
    std::size_t size = wrapped.size();
    check(::EVP_PKEY_encrypt(&context, wrapped.data(), &size, plain.data(), plain.size()) == 1,
          "EVP_PKEY_encrypt");
    return wrapped;
}

}  // namespace

void free_test_key(evp_pkey_st* key) noexcept {
    ::EVP_PKEY_free(key);
}

Pkey make_rsa_key(unsigned bits, const std::string& exponent) {
    const Context context(::EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    check(context != nullptr && ::EVP_PKEY_keygen_init(context.get()) == 1, "EVP_PKEY_keygen_init");
    check(::EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits)) == 1, "bits");
    BIGNUM* number = nullptr;
    check(::BN_hex2bn(&number, exponent.c_str()) != 0, "BN_hex2bn");
    const Bignum owner(number);
    check(::EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), number) == 1, "exponent");
    EVP_PKEY* key = nullptr;
    check(::EVP_PKEY_generate(context.get(), &key) == 1, "EVP_PKEY_generate");
    return Pkey(key);
}

Pkey make_key(const std::string& type) {
    const bool is_group = type.starts_with("P-");
    const Context context(
        ::EVP_PKEY_CTX_new_from_name(nullptr, is_group ? "EC" : type.c_str(), nullptr));
    check(context != nullptr && ::EVP_PKEY_keygen_init(context.get()) == 1, "EVP_PKEY_keygen_init");
    if (is_group) {
        check(::EVP_PKEY_CTX_set_group_name(context.get(), type.c_str()) == 1, "group");
    }
    EVP_PKEY* key = nullptr;
    check(::EVP_PKEY_generate(context.get(), &key) == 1, "EVP_PKEY_generate");
    return Pkey(key);
}

PublicNumbers numbers_of(const evp_pkey_st& key) {
    return {number_of(key, OSSL_PKEY_PARAM_RSA_N), number_of(key, OSSL_PKEY_PARAM_RSA_E)};
}

std::vector<std::vector<std::uint8_t>> private_numbers_of(const evp_pkey_st& key) {
    std::vector<std::vector<std::uint8_t>> numbers;
    for (const auto* name : {OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
                             OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
                             OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1}) {
        numbers.push_back(number_of(key, name));
    }
    return numbers;
}

std::string to_pem(const evp_pkey_st& key, PemForm form,
                   const std::optional<std::string>& passphrase) {
    const Bio bio(::BIO_new(::BIO_s_mem()));
    const auto* bytes =
        passphrase ? reinterpret_cast<const unsigned char*>(passphrase->data()) : nullptr;
    const int size = passphrase ? static_cast<int>(passphrase->size()) : 0;
    const auto* cipher = passphrase ? ::EVP_aes_256_cbc() : nullptr;
    if (form == PemForm::kOldPkcs8) {
        check(::PEM_write_bio_PKCS8PrivateKey_nid(bio.get(), &key, NID_pbeWithMD5AndDES_CBC,
                                                  reinterpret_cast<const char*>(bytes), size,
                                                  nullptr, nullptr) == 1,
              "PEM_write_bio_PKCS8PrivateKey_nid");
        return text_of(bio.get());
    }
    const int result = form == PemForm::kPkcs8
                           ? ::PEM_write_bio_PKCS8PrivateKey(bio.get(), &key, cipher,
                                                             reinterpret_cast<const char*>(bytes),
                                                             size, nullptr, nullptr)
                           : ::PEM_write_bio_PrivateKey_traditional(bio.get(), &key, cipher, bytes,
                                                                    size, nullptr, nullptr);
    check(result == 1, "PEM_write_bio_PrivateKey");
    return text_of(bio.get());
}

std::string to_public_pem(const evp_pkey_st& key) {
    const Bio bio(::BIO_new(::BIO_s_mem()));
    check(::PEM_write_bio_PUBKEY(bio.get(), &key) == 1, "PEM_write_bio_PUBKEY");
    return text_of(bio.get());
}

Pkey read_public_key(const std::string& pem) {
    const Bio bio(::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    Pkey key(::PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    check(key != nullptr, "PEM_read_bio_PUBKEY");
    return key;
}

Pkey read_private_key(const std::string& path, const std::string& passphrase) {
    const Bio bio(::BIO_new_file(path.c_str(), "r"));
    Pkey key(::PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr,
                                       const_cast<char*>(passphrase.c_str())));
    check(key != nullptr, "PEM_read_bio_PrivateKey");
    return key;
}

std::vector<std::uint8_t> wrap_by_oaep(evp_pkey_st& public_key, const std::string& hash,
                                       base::ByteView plain) {
    const Context context(::EVP_PKEY_CTX_new_from_pkey(nullptr, &public_key, nullptr));
    check(::EVP_PKEY_encrypt_init(context.get()) == 1, "EVP_PKEY_encrypt_init");
    check(::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1, "padding");
    check(::EVP_PKEY_CTX_set_rsa_oaep_md_name(context.get(), hash.c_str(), nullptr) == 1, "hash");
    check(::EVP_PKEY_CTX_set_rsa_mgf1_md_name(context.get(), hash.c_str(), nullptr) == 1, "MGF1");
    return encrypt(*context, public_key, plain);
}

std::vector<std::uint8_t> wrap_without_padding(evp_pkey_st& public_key, base::ByteView block) {
    const Context context(::EVP_PKEY_CTX_new_from_pkey(nullptr, &public_key, nullptr));
    check(::EVP_PKEY_encrypt_init(context.get()) == 1, "EVP_PKEY_encrypt_init");
    check(::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1, "padding");
    return encrypt(*context, public_key, block);
}

}  // namespace ecryptfs::contract
