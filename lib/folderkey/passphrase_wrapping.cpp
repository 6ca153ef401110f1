// SPDX-License-Identifier: Apache-2.0

#include "lib/folderkey/passphrase_wrapping.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "lib/base/try.h"
#include "lib/folderkey/key_wrap.h"
#include "lib/folderkey/openssl_objects.h"
#include "lib/lower/openssl.h"

namespace ecryptfs::folderkey {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;

constexpr std::size_t kNewSaltSize = 16;

// That this process has used.
std::chrono::nanoseconds processor_time() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Result<SecretBytes> derive_wrapping_key(const Pbes2& algorithm, base::ByteView passphrase,
                                        base::ByteView salt, std::uint32_t iterations) {
    // RFC 7518 section 4.8.1.1: the name, a zero byte, the salt of the file.
    std::vector<std::uint8_t> whole_salt(algorithm.name.begin(), algorithm.name.end());
    whole_salt.push_back(0);
    whole_salt.insert(whole_salt.end(), salt.begin(), salt.end());
    auto key = TRY(SecretBytes::create(algorithm.key_size));
    const EvpDigest digest(::EVP_MD_fetch(lower::openssl_library(), algorithm.digest, nullptr));
    if (!digest ||
        ::PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(passphrase.data()),
                            static_cast<int>(passphrase.size()), whole_salt.data(),
                            static_cast<int>(whole_salt.size()), static_cast<int>(iterations),
                            digest.get(), static_cast<int>(key.size()), key.span().data()) != 1) {
        return std::unexpected(lower::openssl_error("PKCS5_PBKDF2_HMAC"));
    }
    return key;
}

Result<std::uint32_t> measure_iterations(std::chrono::milliseconds wanted) {
    constexpr std::array<std::uint8_t, kNewSaltSize> kSalt = {};
    constexpr std::uint32_t kTried = 50'000;
    // By the processor's clock: another process's work makes no passphrase weaker.
    const auto start = processor_time();
    TRY(derive_wrapping_key(kPbes2Hs512, base::as_bytes("passphrase"), kSalt, kTried));
    const auto taken = processor_time() - start;
    const auto ratio =
        std::chrono::duration<double>(wanted) /
        std::max(std::chrono::duration<double>(taken), std::chrono::duration<double>(1e-6));
    return static_cast<std::uint32_t>(
        std::clamp(ratio * kTried, double{kFewestIterations}, double{kMostIterations}));
}

Result<Recipient> wrap_with_passphrase(base::ByteView content_key, base::ByteView passphrase,
                                       std::uint32_t iterations) {
    if (passphrase.empty()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument, "the passphrase is empty"});
    }
    Recipient recipient;
    recipient.wrapping = KeyWrapping::kPbes2;
    recipient.iterations = iterations;
    recipient.salt.resize(kNewSaltSize);
    if (::RAND_bytes(recipient.salt.data(), static_cast<int>(recipient.salt.size())) != 1) {
        return std::unexpected(lower::openssl_error("RAND_bytes"));
    }
    const auto key = TRY(derive_wrapping_key(kPbes2Hs512, passphrase, recipient.salt, iterations));
    auto wrapped = TRY(wrap_key(key.view(), content_key));
    recipient.encrypted_key = std::move(wrapped);
    return recipient;
}

Result<SecretBytes> unwrap_with_passphrase(const Recipient& recipient, base::ByteView passphrase) {
    const auto key =
        TRY(derive_wrapping_key(kPbes2Hs512, passphrase, recipient.salt, recipient.iterations));
    auto content_key = unwrap_key(key.view(), recipient.encrypted_key);
    if (!content_key && content_key.error().code == ErrorCode::kDecryptFailed) {
        return std::unexpected(
            Error{ErrorCode::kWrongSecret, "this is not the passphrase of the folder key"});
    }
    return content_key;
}

}  // namespace ecryptfs::folderkey
