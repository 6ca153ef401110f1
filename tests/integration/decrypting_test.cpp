// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl decrypt with private keys: in a file, on a token of SoftHSM, in a TPM in software. By
// the real modules, without an agent.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <filesystem>
#include <fstream>

#include "lib/lower/file_key.h"
#include "lib/lower/passphrase.h"
#include "lib/wire/key_signature.h"
#include "tests/contract/softhsm.h"
#include "tests/contract/software_tpm.h"
#include "tests/integration/agent_test.h"
#include "tests/support/files.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using contract::kPin;
using contract::SoftHsm;
using testing::AllOf;
using testing::HasSubstr;

using PublicKey = base::Handle<EVP_PKEY, ::EVP_PKEY_free>;

PublicKey read_public_key(const std::string& pem) {
    const base::Handle<BIO, ::BIO_free_all> text(
        ::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return PublicKey(::PEM_read_bio_PUBKEY(text.get(), nullptr, nullptr, nullptr));
}

Bytes number_of(const PublicKey& key, const char* name) {
    BIGNUM* number = nullptr;
    EXPECT_EQ(::EVP_PKEY_get_bn_param(key.get(), name, &number), 1);
    const base::Handle<BIGNUM, ::BN_free> owned(number);
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)));
    ::BN_bn2bin(number, bytes.data());
    return bytes;
}

// The eight bytes that name it in packets.
std::string signature_of(const PublicKey& key) {
    const auto packet = wire::openpgp_public_key_packet(number_of(key, OSSL_PKEY_PARAM_RSA_N),
                                                        number_of(key, OSSL_PKEY_PARAM_RSA_E));
    std::string digest(20, '\0');
    EXPECT_EQ(
        ::EVP_Digest(packet.data(), packet.size(), reinterpret_cast<unsigned char*>(digest.data()),
                     nullptr, ::EVP_sha1(), nullptr),
        1);
    return digest.substr(0, 8);
}

// OAEP with SHA-256, as the module tpm2 has it.
std::string encrypted_for(const PublicKey& key, base::ByteView secret) {
    const base::Handle<EVP_PKEY_CTX, ::EVP_PKEY_CTX_free> context(
        ::EVP_PKEY_CTX_new(key.get(), nullptr));
    std::string out(256, '\0');
    std::size_t size = out.size();
    EXPECT_EQ(::EVP_PKEY_encrypt_init(context.get()), 1);
    EXPECT_EQ(::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING), 1);
    EXPECT_EQ(::EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), ::EVP_sha256()), 1);
    EXPECT_EQ(::EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), ::EVP_sha256()), 1);
    EXPECT_EQ(::EVP_PKEY_encrypt(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                 secret.data(), secret.size()),
              1);
    return out;
}

// The key that the vectors' passphrase gives to one file: cipher code, FEK, checksum.
base::SecretBytes key_of_file(const std::string& lower_file) {
    const auto header = base::value_or_throw(lower::parse_header(base::as_bytes(lower_file)));
    const auto fekek = base::value_or_throw(
        lower::derive_passphrase_key(base::as_bytes("correct-horse"), lower::kDefaultSalt));
    const auto key =
        base::value_or_throw(lower::file_key_from_packet(header.packets.front(), fekek.key.view()));
    auto message = base::value_or_throw(base::SecretBytes::create(1 + key.fek.size() + 2));
    base::ByteWriter writer(message.span());
    writer.put_byte(key.cipher->code);
    writer.put(key.fek.view());
    std::uint16_t sum = 0;
    for (const auto byte : key.fek.view()) {
        sum = static_cast<std::uint16_t>(sum + byte);
    }
    writer.put_big_endian(sum);
    return message;
}

// The file with a Tag 1 packet of 256 bytes in the place of its other packets.
std::string with_public_key_packet(std::string lower_file, const std::string& signature,
                                   const std::string& encrypted) {
    const std::string packet = "\x01\xc0\x4a\x03" + signature + '\x01' + encrypted;
    std::fill(lower_file.begin() + 26, lower_file.begin() + 4096, '\0');
    return lower_file.replace(26, packet.size(), packet);
}

class DecryptingFiles : public ::testing::Test {
  protected:
    // With the parts of the build under test.
    Outcome decrypt(const std::string& lower, const Arguments& keys, const std::string& input) {
        Arguments arguments = {"decrypt",    lower,          "--output",
                               path("out"),  "--module-dir", built("modules"),
                               "--pki-host", host_program()};
        arguments.insert(arguments.end(), keys.begin(), keys.end());
        const auto tokens = SoftHsm::instance().folder().path("softhsm2.conf").string();
        return run({ctl_program(), arguments, {{"SOFTHSM2_CONF", tokens}}}, input);
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
    void expect_plain() const {
        unpack_vector("plain", path("plain"));
        const auto outcome = run({"diff", {"--recursive", path("plain"), path("out")}});
        EXPECT_EQ(outcome.out + outcome.err, "");
    }

    TemporaryFolder folder_;
};

TEST_F(DecryptingFiles, KeyFilesDecryptEcryptfsUtilsFiles) {
    struct Vector {
        const char* name;
        const char* key;
        const char* passphrase;
    };
    for (const auto& [name, key, passphrase] :
         std::to_array<Vector>({{"rsa1024-aes16", "k1024.pem", "secret"},
                                {"rsa2048-aes16", "k2048.pem", "secret"},
                                {"rsa2048p8-aes32", "k2048p8.pem", "p8secret"},
                                {"rsa-plus-pass", "k2048.pem", "secret"}})) {
        unpack_vector(std::string(name) + ".lower", path(name));
        const auto outcome = decrypt(
            path(name), {"--key", vector_key(key), "--key-passphrase-file", "-"}, passphrase);
        EXPECT_EQ(outcome.exit_code, 0) << name << ": " << outcome.err;
        expect_plain();
        fs::remove_all(path("out"));
    }
}

TEST_F(DecryptingFiles, TakesSeveralKeysWithPassphrases) {
    unpack_vector("rsa2048-aes16.lower", path("lower/a"));
    unpack_vector("rsa2048p8-aes32.lower", path("lower/b"));
    const auto outcome =
        decrypt(path("lower"),
                {"--key", vector_key("k2048.pem"), "--key", vector_key("k2048p8.pem"),
                 "--key-passphrase-file", folder_.file("first", "secret\n"),
                 "--key-passphrase-file", folder_.file("second", "p8secret\n")},
                "");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("decrypted 22 files"));
}

TEST_F(DecryptingFiles, UnopenedKeyWritesNothing) {
    unpack_vector("rsa2048-aes16.lower", path("lower"));
    const auto key = vector_key("k2048.pem");
    const auto wrong =
        decrypt(path("lower"), {"--key", key, "--key-passphrase-file", "-"}, "falsch");
    EXPECT_EQ(wrong.exit_code, code(ErrorCode::kWrongSecret)) << wrong.err;
    const auto none = decrypt(path("lower"), {"--key", key}, "");
    EXPECT_EQ(none.exit_code, code(ErrorCode::kSecretRequired)) << none.err;
    EXPECT_THAT(none.err, HasSubstr("--key-passphrase-file FILE"));
    const auto missing = decrypt(path("lower"), {"--key", path("none.pem")}, "");
    EXPECT_EQ(missing.exit_code, code(ErrorCode::kNotFound)) << missing.err;
    EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(DecryptingFiles, NamesUselessKeysBeforeWriting) {
    unpack_vector("rsa2048-aes16.lower", path("lower"));
    const auto key = vector_key("k2048p8.pem");
    const auto outcome =
        decrypt(path("lower"), {"--key", key, "--key-passphrase-file", "-"}, "p8secret");
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kUnknownKey));
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("/k2048p8.pem has signature 29fd6422340cb71e"),
                                   HasSubstr("and opens nothing here\n"),
                                   HasSubstr("11 files want private key fe3467554552491d\n"),
                                   HasSubstr("try: give another key with --key URI\n")));
    EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(DecryptingFiles, ReportsDamagedFileKey) {
    unpack_vector("rsa2048-aes16.lower", path("lower"));
    const auto file = path("lower/size-000001.bin");
    std::fstream(file, std::ios::in | std::ios::out).seekp(100) << "damage";
    const auto outcome = decrypt(
        path("lower"), {"--key", vector_key("k2048.pem"), "--key-passphrase-file", "-"}, "secret");
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kDecryptFailed)) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("size-000001.bin: "));
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("decrypted 10 files"), HasSubstr("1 failed")));
}

TEST_F(DecryptingFiles, TokenKeyDecrypts) {
    SoftHsm::instance().import("contract", "vector", "c0ffee",
                               run({"openssl",
                                    {"pkcs8", "-topk8", "-nocrypt", "-passin", "pass:secret", "-in",
                                     vector_key("k2048.pem")}})
                                   .out);
    unpack_vector("rsa2048-aes16.lower", path("lower"));
    const auto outcome = decrypt(
        path("lower"),
        {"--key", "pkcs11:token=contract;object=vector", "--key-passphrase-file", "-"}, kPin);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_plain();
}

TEST_F(DecryptingFiles, TpmKeyDecrypts) {
    const contract::SoftwareTpm tpm;
    tpm.create_key("key", {"-p", "1234"});
    unpack_vector("pass-aes16.lower", path("vector"));
    const auto lower = content_of(path("vector/size-100000.bin"));
    const auto key = read_public_key(tpm.public_pem("key"));
    fs::create_directory(path("lower"));
    std::ofstream(path("lower/file")) << with_public_key_packet(
        lower, signature_of(key), encrypted_for(key, key_of_file(lower).view()));

    const auto outcome = decrypt(
        path("lower"), {"--key", tpm.locator("key.pem"), "--key-passphrase-file", "-"}, "1234");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    unpack_vector("plain", path("plain"));
    EXPECT_TRUE(content_of(path("out/file")) == content_of(path("plain/size-100000.bin")));
}

}  // namespace
}  // namespace ecryptfs::test
