// SPDX-License-Identifier: Apache-2.0
//
// Against the kernel's own keyrings, in a user namespace of the test's own (private_keyrings.h).

#include "lib/keyring/keyrings.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <unistd.h>

#include <array>

#include "lib/keyring/token_writer.h"
#include "tests/support/command.h"
#include "tests/support/matchers.h"
#include "tests/support/signatures.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using keyring::Keyring;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::array<std::uint8_t, 4> kPayload = {'t', 'o', 'k', '1'};
constexpr std::array<std::uint8_t, 5> kOther = {'o', 't', 'h', 'e', 'r'};

class KeyringTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);
        ASSERT_EQ(::keyctl_clear(KEY_SPEC_USER_KEYRING), 0);
        user_ = keyring::find_keyring(Keyring::kUser).value();
        session_ = keyring::find_keyring(Keyring::kSession).value();
    }

    static std::string payload_of(keyring::KeySerial key) {
        std::array<char, 64> buffer{};
        const long size = ::keyctl_read(key.value, buffer.data(), buffer.size());
        return size < 0 ? "unreadable" : std::string(buffer.data(), static_cast<std::size_t>(size));
    }

    static std::string description_of(keyring::KeySerial key) {
        std::array<char, 256> buffer{};
        return ::keyctl_describe(key.value, buffer.data(), buffer.size()) < 0 ? "" : buffer.data();
    }

    // Waits for a timeout of one second to pass.
    static void wait_until_expired(keyring::KeySerial key) {
        while (::keyctl_describe(key.value, nullptr, 0) >= 0) {
            ::usleep(20'000);
        }
        ASSERT_EQ(errno, EKEYEXPIRED);
    }

    keyring::KeySerial user_;
    keyring::KeySerial session_;
};

TEST_F(KeyringTest, TokenIsAddedReplacedListedAndUnlinked) {
    const auto other = keyring::add_token(user_, signature("0123456789abcdef"), kPayload);
    const auto added = keyring::add_token(user_, signature(), kPayload);
    ASSERT_THAT(added, Succeeds());
    EXPECT_EQ(keyring::add_token(user_, signature(), kOther).value(), *added);
    ::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
    EXPECT_EQ(payload_of(*added), "other");
    EXPECT_THAT(keyring::list_tokens(user_, signature()).value(), ElementsAre(*added));
    EXPECT_THAT(keyring::unlink(*added, user_), Succeeds());
    EXPECT_THAT(keyring::list_tokens(user_, signature()).value(), IsEmpty());
    EXPECT_THAT(keyring::list_tokens(user_, signature("0123456789abcdef")).value(),
                ElementsAre(*other));
}

TEST_F(KeyringTest, ManyKeysDoNotHideToken) {
    for (int i = 0; i < 100; ++i) {
        ASSERT_GT(::add_key("user", ("k" + std::to_string(i)).c_str(), "x", 1, user_.value), 0);
    }
    const auto added = keyring::add_token(user_, signature(), kPayload);
    EXPECT_THAT(keyring::list_tokens(user_, signature()).value(), ElementsAre(*added));
}

TEST_F(KeyringTest, OtherTypesAndNamesAreNoTokens) {
    ::add_key("logon", "ecryptfs:fe3467554552491d", "x", 1, user_.value);
    ::add_key("user", "fe3467554552491d: 4", "x", 1, user_.value);
    ::add_key("user", "x;fe3467554552491d", "x", 1, user_.value);
    EXPECT_THAT(keyring::list_tokens(user_, signature()).value(), SizeIs(0));
}

TEST_F(KeyringTest, ExpiredAndRevokedTokensAreListed) {
    const auto revoked = keyring::add_token(session_, signature(), kPayload);
    ASSERT_EQ(::keyctl_revoke(revoked->value), 0);
    EXPECT_THAT(keyring::list_tokens(session_, signature()).value(), ElementsAre(*revoked));
    const auto expired = keyring::add_token(user_, signature(), kPayload);
    ASSERT_THAT(keyring::link_user_keyring_to_process(), Succeeds());
    ASSERT_THAT(keyring::set_timeout(*expired, std::chrono::seconds(1)), Succeeds());
    wait_until_expired(*expired);
    EXPECT_THAT(keyring::list_tokens(user_, signature()).value(), ElementsAre(*expired));
}

// /proc/keys shows descriptions as they are, also those of other users' keys that all may see.
TEST_F(KeyringTest, LineEndInDescriptionForgesNothing) {
    const auto token = keyring::add_token(user_, signature(), kPayload);
    const auto other = ::add_key("user", "other", "x", 1, user_.value);
    ASSERT_GT(other, 0);
    const auto forged_line = [](const std::string& serial) {
        const auto text = fmt::format("x\n{} I--Q---     1 perm 3f3f0001  1234  1234 user      {}",
                                      serial, kSignature);
        ASSERT_GT(::add_key("user", text.c_str(), "x", 1, KEY_SPEC_SESSION_KEYRING), 0);
    };
    for (const auto& serial : {std::string("zzzzzzzz"), std::string("fffffffffffffffffff"),
                               std::string("short"), fmt::format("{:08x}", other)}) {
        forged_line(serial);
    }
    ::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
    EXPECT_THAT(keyring::list_tokens(user_, signature()).value(), ElementsAre(*token));
    EXPECT_THAT(keyring::remove_token(signature()).value(), ElementsAre(Keyring::kUser));
    EXPECT_EQ(::keyctl_search(user_.value, "user", "other", 0), other) << "is still there";
}

TEST_F(KeyringTest, FullQuotaIsReported) {
    const std::vector<std::uint8_t> big(15'000);
    EXPECT_THAT(keyring::add_token(user_, signature("0000000000000000"), big), Succeeds());
    EXPECT_THAT(keyring::add_token(user_, signature(), big),
                FailsWith(ErrorCode::kQuotaExceeded, "/proc/sys/kernel/keys"));
}

class WriteTokenTest : public KeyringTest {};

TEST_F(WriteTokenTest, LinksUserKeyringIntoSession) {
    const auto written = keyring::write_token({}, signature(), kPayload);
    ASSERT_THAT(written, Succeeds());
    EXPECT_FALSE(written->replaced_old);
    EXPECT_THAT(written->warnings, IsEmpty());
    EXPECT_EQ(keyring::find_token(session_, signature()), written->serial);
    EXPECT_EQ(payload_of(written->serial), "tok1");
}

TEST_F(WriteTokenTest, ReplacesTokenAndItsTimeout) {
    const auto first =
        keyring::write_token({.timeout = std::chrono::seconds(1)}, signature(), kPayload);
    const auto second = keyring::write_token({}, signature(), kOther);
    ASSERT_THAT(second, Succeeds());
    EXPECT_TRUE(second->replaced_old);
    EXPECT_EQ(second->serial, first->serial);
    ::usleep(1'100'000);
    EXPECT_EQ(payload_of(second->serial), "other");
}

TEST_F(WriteTokenTest, ReplacesExpiredOrRevokedToken) {
    for (const Keyring keyring : {Keyring::kUser, Keyring::kSession}) {
        const auto revoked = keyring::write_token({.keyring = keyring}, signature(), kPayload);
        ASSERT_EQ(::keyctl_revoke(revoked->serial.value), 0);
        const auto expiring = keyring::write_token(
            {.keyring = keyring, .timeout = std::chrono::seconds(1)}, signature(), kPayload);
        ASSERT_THAT(expiring, Succeeds());
        wait_until_expired(expiring->serial);
        const auto again = keyring::write_token({.keyring = keyring}, signature(), kOther);
        ASSERT_THAT(again, Succeeds());
        EXPECT_EQ(payload_of(again->serial), "other");
        EXPECT_THAT(
            keyring::list_tokens(keyring == Keyring::kUser ? user_ : session_, signature()).value(),
            ElementsAre(again->serial));
    }
}

TEST_F(WriteTokenTest, AgentMayReadTokenOfSession) {
    const auto written = keyring::write_token({.keyring = Keyring::kSession}, signature(), kPayload,
                                              keyring::TokenReader::kAgent);
    ASSERT_THAT(written, Succeeds());
    ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);  // as the agent, which has another
    EXPECT_EQ(payload_of(written->serial), "tok1");
}

TEST_F(WriteTokenTest, OtherSessionsCannotReadPassphrase) {
    const auto outcome =
        run({ECRYPTFSCTL, {"add-passphrase", "--keyring", "session", "--passphrase-file", "-"}},
            "correct horse battery staple\n");
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto token = keyring::request_token(signature(outcome.out.substr(0, 16)));
    ASSERT_THAT(token, Succeeds()) << "as mount(2) finds it";
    EXPECT_THAT(keyring::read_token(*token), Succeeds()) << "possessed";
    ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);
    EXPECT_THAT(keyring::read_token(*token), FailsWith(ErrorCode::kAccessDenied, ""));
    EXPECT_EQ(::keyctl_link(token->value, KEY_SPEC_SESSION_KEYRING), -1) << "nor possess it";
}

TEST_F(WriteTokenTest, EarlierPermissionsAreTakenAway) {
    const auto first = keyring::write_token({.keyring = Keyring::kSession}, signature(), kPayload,
                                            keyring::TokenReader::kAgent);
    ASSERT_THAT(first, Succeeds());
    const auto second = keyring::write_token({.keyring = Keyring::kSession}, signature(), kOther);
    ASSERT_THAT(second, Succeeds());
    EXPECT_EQ(second->serial, first->serial);
    ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);
    EXPECT_EQ(payload_of(second->serial), "unreadable");
}

TEST_F(WriteTokenTest, WarnsOfUnreachableUserKeyring) {
    ASSERT_EQ(::keyctl_setperm(session_.value, KEY_POS_VIEW | KEY_POS_SEARCH), 0);
    const auto written =
        keyring::write_token({.timeout = std::chrono::seconds(100)}, signature(), kPayload);
    ASSERT_THAT(written, Succeeds());
    EXPECT_THAT(written->warnings, ElementsAre(HasSubstr("Permission denied")));
}

TEST_F(WriteTokenTest, FailsInRevokedSession) {
    ASSERT_EQ(::keyctl_revoke(session_.value), 0);
    EXPECT_THAT(keyring::write_token({.keyring = Keyring::kSession}, signature(), kPayload),
                FailsWith(ErrorCode::kKeyRevoked, "log in again"));
    EXPECT_THAT(keyring::write_token({}, signature(), kPayload), Succeeds());
}

TEST_F(WriteTokenTest, BothKeyringsMayHoldToken) {
    const auto in_session =
        keyring::write_token({.keyring = Keyring::kSession}, signature(), kPayload);
    const auto in_user = keyring::write_token({}, signature(), kOther);
    ASSERT_THAT(in_user, Succeeds());
    EXPECT_NE(in_user->serial, in_session->serial);
}

class RemoveTokenTest : public KeyringTest {};

TEST_F(RemoveTokenTest, NamesKeyringsOfToken) {
    EXPECT_THAT(keyring::remove_token(signature()).value(), IsEmpty());
    static_cast<void>(keyring::add_token(session_, signature(), kPayload));
    EXPECT_THAT(keyring::remove_token(signature()).value(), ElementsAre(Keyring::kSession));
    static_cast<void>(keyring::add_token(user_, signature(), kPayload));
    static_cast<void>(keyring::add_token(session_, signature(), kPayload));
    EXPECT_THAT(keyring::remove_token(signature()).value(),
                ElementsAre(Keyring::kUser, Keyring::kSession));
    EXPECT_LT(::keyctl_search(session_.value, "user", kSignature, 0), 0);
}

TEST_F(RemoveTokenTest, RemovesExpiredAndRevokedTokens) {
    const auto token = keyring::add_token(session_, signature(), kPayload);
    ASSERT_EQ(::keyctl_revoke(token->value), 0);
    EXPECT_THAT(keyring::remove_token(signature()).value(), ElementsAre(Keyring::kSession));
    EXPECT_THAT(keyring::list_tokens(session_, signature()).value(), IsEmpty());
}

TEST_F(RemoveTokenTest, WorksInRevokedSession) {
    ASSERT_THAT(keyring::add_token(user_, signature(), kPayload), Succeeds());
    ASSERT_EQ(::keyctl_revoke(session_.value), 0);
    EXPECT_THAT(keyring::remove_token(signature()).value(), ElementsAre(Keyring::kUser));
}

}  // namespace
}  // namespace ecryptfs::test
