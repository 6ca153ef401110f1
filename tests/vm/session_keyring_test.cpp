// SPDX-License-Identifier: Apache-2.0
//
// Tokens that are not where the agent looks first.

#include <gtest/gtest.h>
#include <keyutils.h>

#include <cerrno>
#include <string>

#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/keyring.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

using Keyrings = OnTheRealKernel;

void expect_files_open(const UserSession& session, const std::string& signature) {
    Mount mount(session, "keyrings");
    mount.mount(mount_options({signature}));
    const auto file = make_files(session.user(), mount.upper(), 1).front();
    mount.mount_anew();
    EXPECT_EQ(open_error(session.user(), file), 0);
}

// A process with a session keyring like this agent's finds a token and may not read it.
int error_of_reading(const UserSession& session, const std::string& signature) {
    return session.call([&] {
        ::keyctl_join_session_keyring(nullptr);
        const auto key = ::keyctl_search(KEY_SPEC_USER_KEYRING, "user", signature.c_str(), 0);
        char byte = 0;
        return ::keyctl_read(static_cast<key_serial_t>(key), &byte, 1) < 0 ? errno : 0;
    });
}

TEST_F(Keyrings, AgentReadsUnlinkedUserKeyring) {
    const UserSession session(alice(), AgentKeyring::kOfItsOwn);
    install_key(alice(), "k1024.pem");
    constexpr char kSignature[] = "bff98d7544e350ea";
    load_token(session, "rsa1024-aes16", kSignature);
    EXPECT_EQ(error_of_reading(session, kSignature), EACCES);
    EXPECT_EQ(session.key(kSignature)["state"], "unopened");
    expect_files_open(session, kSignature);
}

TEST_F(Keyrings, SessionTokenAloneOpensFiles) {
    const UserSession session(alice());
    const auto key_file = install_key(alice(), "k1024.pem");
    const auto printed = session.ctl_prints(
        {"add-key", key_file, "--passphrase-file", "-", "--keyring", "session"}, "secret\n");
    const auto signature = printed.substr(0, 16);
    EXPECT_EQ(session.key(signature)["keyring"], "session");
    EXPECT_FALSE(is_in_user_keyring(session, signature));
    expect_files_open(session, signature);
}

}  // namespace
}  // namespace ecryptfs::vm
