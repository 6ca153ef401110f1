// SPDX-License-Identifier: Apache-2.0

#include "cli/caller.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "lib/base/number.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// sudo(8) tells whom it works for. Only root is told, and root may believe its environment.
std::optional<uid_t> who_called_sudo() {
    const char* text = ::geteuid() == 0 ? std::getenv("SUDO_UID") : nullptr;
    if (text == nullptr) {
        return std::nullopt;
    }
    return base::parse_number<uid_t>(text);
}

Result<void> become(const passwd& user) {
    const bool for_caller = who_called_sudo() == user.pw_uid;  // while this is root
    if (::initgroups(user.pw_name, user.pw_gid) != 0 ||
        ::setresgid(user.pw_gid, user.pw_gid, 0) != 0 ||
        ::setresuid(user.pw_uid, user.pw_uid, 0) != 0) {
        return std::unexpected(base::system_error(ErrorCode::kAccessDenied,
                                                  fmt::format("going on as {}", user.pw_name),
                                                  errno, "run it through sudo"));
    }
    // As a login sets them. A bus whose address sudo was told to keep is the user's; otherwise it
    // is root's own, or of somebody else.
    if (!for_caller) {
        ::unsetenv("DBUS_SESSION_BUS_ADDRESS");
    }
    ::setenv("HOME", user.pw_dir, 1);
    ::setenv("XDG_RUNTIME_DIR", fmt::format("/run/user/{}", user.pw_uid).c_str(), 1);
    return {};
}

}  // namespace

Result<Caller> act_for_user(const std::string& name) {
    const auto id = who_called_sudo().value_or(::geteuid());
    const passwd* user = name.empty() ? ::getpwuid(id) : ::getpwnam(name.c_str());
    if (user == nullptr && name.empty()) {
        const char* home = std::getenv("HOME");
        return Caller{id, fmt::format("{}", id), home == nullptr ? "/" : home};
    }
    if (user == nullptr) {
        return std::unexpected(Error{ErrorCode::kNotFound, fmt::format("there is no user {}", name),
                                     "name a user of this machine"});
    }
    if (user->pw_uid != ::geteuid()) {
        if (auto done = become(*user); !done) {
            return std::unexpected(done.error());
        }
        return Caller{user->pw_uid, user->pw_name, user->pw_dir};
    }
    const char* home = std::getenv("HOME");
    return Caller{user->pw_uid, user->pw_name, home == nullptr ? user->pw_dir : home};
}

bool may_be_root() {
    uid_t real = 0, effective = 0, saved = 0;
    return ::getresuid(&real, &effective, &saved) == 0 && (effective == 0 || saved == 0);
}

AsRoot::AsRoot() : before_(::geteuid()) {
    static_cast<void>(::seteuid(0));
}

AsRoot::~AsRoot() {
    if (::seteuid(before_) != 0) {
        std::abort();  // never go on with more rights than were meant
    }
}

}  // namespace ecryptfs::cli
