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

#include "cli/input/typed_command.h"
#include "lib/base/number.h"
#include "lib/base/process.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// sudo(8) says who called it. Only root is told, and root may believe its environment.
Result<std::optional<uid_t>> sudo_caller() {
    const char* text = ::geteuid() == 0 ? std::getenv("SUDO_UID") : nullptr;
    if (text == nullptr) {
        return std::nullopt;
    }
    const auto id = base::parse_number<uid_t>(text);
    if (!id) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("SUDO_UID is \"{}\", which is not a user", text),
                                     "say for whom: --user USER"});
    }
    return *id;
}

std::string home_variable(const char* otherwise) {
    const char* home = std::getenv("HOME");
    return home == nullptr ? otherwise : home;
}

// sudo can keep the caller's variables (sudo -E). Root must not read or write files that another
// user's variables name.
Caller make_caller(const passwd& user, std::optional<uid_t> sudo) {
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
    return make_caller(*user, sudo);
}

bool is_now(const Caller& caller) {
    uid_t real = 0, effective = 0, saved = 0;
    gid_t real_group = 0, effective_group = 0, saved_group = 0;
    return ::getresuid(&real, &effective, &saved) == 0 &&
           ::getresgid(&real_group, &effective_group, &saved_group) == 0 && real == caller.id &&
           effective == caller.id && saved == caller.id && real_group == caller.group &&
           effective_group == caller.group && saved_group == caller.group;
}

// Sets the variables as a login does. If sudo kept the address of a bus, it is that of the caller.
// Else it is root's, or somebody else's. Folders that root's variables name are not the user's.
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

Result<Caller> find_caller(const std::optional<std::string>& name) {
    const auto sudo = sudo_caller();
    if (name) {
        constexpr auto kNobodyKnown = static_cast<uid_t>(-1);
        return named_caller(*name, sudo.value_or(kNobodyKnown));
    }
    if (!sudo) {
        return std::unexpected(sudo.error());
    }
    const auto id = sudo->value_or(::geteuid());
    if (const passwd* user = ::getpwuid(id)) {
        return make_caller(*user, *sudo);
    }
    if (id != ::geteuid()) {
        return std::unexpected(Error{ErrorCode::kNotFound,
                                     fmt::format("the caller of sudo, {}, is not a user here", id),
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
                                                  fmt::format("switching to {}", caller.name),
                                                  errno, fmt::format("sudo {}", typed_command())));
    }
    // What follows reads that user's files. It must never do so with more rights than the user has.
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
