// SPDX-License-Identifier: Apache-2.0

#include "tests/vm/keyring.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/support/wait.h"
#include "tests/vm/files.h"

namespace ecryptfs::vm {
namespace {

constexpr char kFillerPrefix[] = "filler-";

std::string filler(int number) {
    return fmt::format("{}{}", kFillerPrefix, number);
}

key_serial_t find(const std::string& description, key_serial_t keyring = KEY_SPEC_SESSION_KEYRING) {
    return static_cast<key_serial_t>(
        ::keyctl_search(keyring, "user", description.c_str(), /*destination=*/0));
}

// As they count for the quota. Lines of /proc/key-users: "uid: usage keys/instantiated keys/maximum
// …".
int keys_of(const User& user) {
    std::ifstream lines("/proc/key-users");
    std::string uid;
    std::string usage;
    std::string keys;
    std::string quota;
    std::string bytes;
    while (lines >> uid >> usage >> keys >> quota >> bytes) {
        if (uid == fmt::format("{}:", user.id)) {
            return std::stoi(quota);
        }
    }
    return 0;
}

// `action` gives a negative number and errno for an error.
template <typename Action>
void expect_success(const UserSession& session, const std::string& what, Action action) {
    const int error = session.call([&] { return action() < 0 ? errno : 0; });
    EXPECT_EQ(error, 0) << what << ": " << ::strerrordesc_np(error);
}

}  // namespace

void load_token(const UserSession& session, const std::string& name, const std::string& signature) {
    std::ifstream file(vector_file(fmt::format("{}.authtok.{}", name, signature)),
                       std::ios::binary);
    const std::string token{std::istreambuf_iterator<char>(file), {}};
    expect_success(session, "adding a token", [&] {
        return ::add_key("user", signature.c_str(), token.data(), token.size(),
                         KEY_SPEC_USER_KEYRING);
    });
}

std::string payload(const UserSession& session, const std::string& signature) {
    const auto output = memory_file();
    expect_success(session, "reading a key", [&]() -> ssize_t {
        std::array<char, 4096> bytes{};
        const auto size = ::keyctl_read(find(signature), bytes.data(), bytes.size());
        return size < 0 ? size : ::write(output.get(), bytes.data(), static_cast<size_t>(size));
    });
    return content_of(output.get());
}

bool is_in_user_keyring(const UserSession& session, const std::string& signature) {
    return session.call([&] { return find(signature, KEY_SPEC_USER_KEYRING) < 0 ? 1 : 0; }) == 0;
}

void revoke(const UserSession& session, const std::string& signature) {
    expect_success(session, "revoking a key", [&] { return ::keyctl_revoke(find(signature)); });
}

void unlink_key(const UserSession& session, const std::string& signature) {
    expect_success(session, "unlinking a key",
                   [&] { return ::keyctl_unlink(find(signature), KEY_SPEC_USER_KEYRING); });
}

void fill_quota(const UserSession& session) {
    const int error = session.call([] {
        for (int number = 0; number < 1000; ++number) {
            if (::add_key("user", filler(number).c_str(), "x", 1, KEY_SPEC_USER_KEYRING) < 0) {
                return errno;
            }
        }
        return 0;
    });
    EXPECT_EQ(error, EDQUOT) << ::strerrordesc_np(error);
}

void remove_fillers(const UserSession& session) {
    const int before = keys_of(session.user());
    expect_success(session, "removing keys", [] {
        for (int number = 0;; ++number) {
            const auto key = find(filler(number), KEY_SPEC_USER_KEYRING);
            if (key < 0) {
                return errno == ENOKEY ? 0L : -1L;
            }
            if (::keyctl_unlink(key, KEY_SPEC_USER_KEYRING) < 0) {
                return -1L;
            }
        }
    });
    test::wait_until("the keys are gone", [&] { return keys_of(session.user()) < before / 2; });
}

}  // namespace ecryptfs::vm
