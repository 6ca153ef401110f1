// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/mechanism.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/support.h"

namespace ecryptfs::pkcs11_module {
namespace {

using base::Error;
using base::ErrorCode;
using test::FailsWith;
using test::Succeeds;

constexpr std::size_t kRsa2048 = 256;

const Error kNoneWorks{ErrorCode::kInvalidKey, "none works"};

// A token whose mechanisms fail with these errors; all others work.
class Trials {
  public:
    explicit Trials(std::vector<std::pair<Mechanism, ErrorCode>> failures)
        : failures_(std::move(failures)) {}

    base::Result<Mechanism> choose(const std::vector<Mechanism>& offered,
                                   std::size_t modulus_size = kRsa2048) {
        return choose_mechanism(
            offered, modulus_size,
            [this](Mechanism mechanism) -> base::Result<void> {
                tried_.push_back(mechanism);
                for (const auto& [failing, code] : failures_) {
                    if (failing == mechanism) {
                        return std::unexpected(Error{code, std::string(mechanism_name(failing))});
                    }
                }
                return {};
            },
            kNoneWorks);
    }

    const std::vector<Mechanism>& tried() const { return tried_; }

  private:
    std::vector<std::pair<Mechanism, ErrorCode>> failures_;
    std::vector<Mechanism> tried_;
};

const std::vector<Mechanism> kAll(kRsaMechanisms.begin(), kRsaMechanisms.end());

TEST(MechanismChoice, TakesTheBestThatWorks) {
    Trials all_work({});
    EXPECT_EQ(all_work.choose(kAll), Mechanism::kOaepSha1);
    EXPECT_EQ(all_work.tried().size(), 1U);
    Trials no_sha1({{Mechanism::kOaepSha1, ErrorCode::kNotSupported}});
    EXPECT_EQ(no_sha1.choose(kAll), Mechanism::kOaepSha256);
    Trials no_oaep({{Mechanism::kOaepSha1, ErrorCode::kDecryptFailed},
                    {Mechanism::kOaepSha256, ErrorCode::kInternal}});
    EXPECT_EQ(no_oaep.choose(kAll), Mechanism::kRawOaepSha1);
}

TEST(MechanismChoice, TriesOnlyWhatTheTokenOffers) {
    Trials trials({});
    EXPECT_EQ(trials.choose({Mechanism::kPkcs1}), Mechanism::kPkcs1);
    EXPECT_THAT(trials.choose({}), FailsWith(ErrorCode::kInvalidKey, "none works"));
}

TEST(MechanismChoice, SmallModulusSkipsSha256) {
    constexpr std::size_t kTooSmall = 66 + 67 - 1;
    Trials trials({});
    EXPECT_EQ(trials.choose({Mechanism::kOaepSha256, Mechanism::kPkcs1}, kTooSmall),
              Mechanism::kPkcs1);
    EXPECT_EQ(trials.choose({Mechanism::kOaepSha256, Mechanism::kPkcs1}, kTooSmall + 1),
              Mechanism::kOaepSha256);
}

TEST(MechanismChoice, OtherErrorsEndTheSearch) {
    for (const auto code : {ErrorCode::kTokenRemoved, ErrorCode::kSecretRequired,
                            ErrorCode::kSecretLockedOut, ErrorCode::kMemoryLock}) {
        Trials trials({{Mechanism::kOaepSha1, code}});
        EXPECT_THAT(trials.choose(kAll), FailsWith(code, "rsa-oaep-sha1"));
        EXPECT_EQ(trials.tried().size(), 1U);
    }
}

TEST(MechanismChoice, ReportsFirstErrorIfNoneWorks) {
    Trials trials({{Mechanism::kOaepSha1, ErrorCode::kDecryptFailed},
                   {Mechanism::kOaepSha256, ErrorCode::kInternal},
                   {Mechanism::kRawOaepSha1, ErrorCode::kInternal},
                   {Mechanism::kPkcs1, ErrorCode::kNotSupported}});
    EXPECT_THAT(trials.choose(kAll), FailsWith(ErrorCode::kInternal, "rsa-oaep-sha256"));
    EXPECT_EQ(trials.tried(), kAll);
}

TEST(Mechanism, IsOfferedByTypeWhateverItsHash) {
    EXPECT_TRUE(offers({Mechanism::kOaepSha1}, Mechanism::kOaepSha256));
    EXPECT_FALSE(offers({Mechanism::kOaepSha1}, Mechanism::kPkcs1));
    EXPECT_FALSE(offers({}, Mechanism::kOaepSha1));
}

TEST(Mechanism, IsFoundByItsName) {
    for (const auto mechanism : kRsaMechanisms) {
        EXPECT_EQ(find_mechanism(mechanism_name(mechanism)), mechanism);
    }
    EXPECT_FALSE(find_mechanism("rsa-quantum"));
    EXPECT_FALSE(find_mechanism(""));
}

}  // namespace
}  // namespace ecryptfs::pkcs11_module
