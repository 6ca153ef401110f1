// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/caller.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "cli/output/typed_command.h"
#include "lib/base/number.h"
#include "lib/base/process.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// sudo(8) tells whom it works for. Only root is told, and root may believe its environment.
Result<std::optional<uid_t>> who_called_sudo() {
    const char* text = ::geteuid() == 0 ? std::getenv("SUDO_UID") : nullptr;
    if (text == nullptr) {
        return std::nullopt;
    }
    const auto id = base::parse_number<uid_t>(text);
    if (!id) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("SUDO_UID is \"{}\", which is no user", text),
                                     "say for whom: --user USER"});
    }
    return *id;
}

std::string home_variable(const char* otherwise) {
    const char* home = std::getenv("HOME");
    return home == nullptr ? otherwise : home;
}

// sudo can be told to keep variables of who called it (sudo -E): root must not read or write files
// by another user's.
Caller caller_of(const passwd& user, std::optional<uid_t> sudo) {
    const bool is_own = user.pw_uid == ::geteuid() && sudo.value_or(user.pw_uid) == user.pw_uid;
    return {user.pw_uid,         user.pw_gid,
            user.pw_name,        is_own ? home_variable(user.pw_dir) : user.pw_dir,
            sudo == user.pw_uid, is_own};
}

Result<Caller> named_caller(const std::string& name, std::optional<uid_t> sudo) {
    const passwd* user = ::getpwnam(name.c_str());
    if (user == nullptr) {
        return std::unexpected(Error{ErrorCode::kNotFound, fmt::format("there is no user {}", name),
                                     "name a user of this machine"});
    }
    return caller_of(*user, sudo);
}

bool is_now(const Caller& caller) {
    uid_t real = 0, effective = 0, saved = 0;
    gid_t real_group = 0, effective_group = 0, saved_group = 0;
    return ::getresuid(&real, &effective, &saved) == 0 &&
           ::getresgid(&real_group, &effective_group, &saved_group) == 0 && real == caller.id &&
           effective == caller.id && saved == caller.id && real_group == caller.group &&
           effective_group == caller.group && saved_group == caller.group;
}

// As a login sets them. A bus whose address sudo was told to keep is the user's; otherwise it is
// root's own, or of somebody else. Where root keeps its files is no user's business.
void set_environment(const Caller& caller) {
    for (const char* name : {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME",
                             "XDG_CONFIG_DIRS", "XDG_DATA_DIRS"}) {
        ::unsetenv(name);
    }
    if (!caller.called_sudo) {
        ::unsetenv("DBUS_SESSION_BUS_ADDRESS");
    }
    ::setenv("HOME", caller.home.c_str(), 1);
    ::setenv("USER", caller.name.c_str(), 1);
    ::setenv("LOGNAME", caller.name.c_str(), 1);
    ::setenv("XDG_RUNTIME_DIR", fmt::format("/run/user/{}", caller.id).c_str(), 1);
}

}  // namespace

Result<Caller> find_caller(const std::string& name) {
    const auto sudo = who_called_sudo();
    if (!name.empty()) {
        constexpr auto kNobodyKnown = static_cast<uid_t>(-1);
        return named_caller(name, sudo.value_or(kNobodyKnown));
    }
    if (!sudo) {
        return std::unexpected(sudo.error());
    }
    const auto id = sudo->value_or(::geteuid());
    if (const passwd* user = ::getpwuid(id)) {
        return caller_of(*user, *sudo);
    }
    if (id != ::geteuid()) {
        return std::unexpected(Error{ErrorCode::kNotFound,
                                     fmt::format("who called sudo, {}, is no user here", id),
                                     "say for whom: --user USER"});
    }
    return Caller{id, ::getegid(), fmt::format("{}", id), home_variable("/"), false};
}

Result<void> become(const Caller& caller) {
    if (caller.id == ::geteuid()) {
        if (!caller.has_own_environment) {
            set_environment(caller);
        }
        return {};
    }
    if (::initgroups(caller.name.c_str(), caller.group) != 0 ||
        ::setresgid(caller.group, caller.group, caller.group) != 0 ||
        ::setresuid(caller.id, caller.id, caller.id) != 0) {
        return std::unexpected(base::system_error(ErrorCode::kAccessDenied,
                                                  fmt::format("going on as {}", caller.name), errno,
                                                  fmt::format("sudo {}", typed_command())));
    }
    // What comes reads that user's files: never with more rights than were meant.
    if (!is_now(caller) || ::setuid(0) == 0) {
        std::abort();
    }
    set_environment(caller);
    return base::forbid_dumps();
}

bool is_root() {
    uid_t real = 1, effective = 1, saved = 1;
    return ::getresuid(&real, &effective, &saved) == 0 && real == 0 && effective == 0 && saved == 0;
}

}  // namespace ecryptfs::cli
