// SPDX-License-Identifier: Apache-2.0

#include "cli/files/file_attributes.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "cli/files/access_list.h"
#include "lib/lower/header.h"

namespace ecryptfs::cli {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr char kAccessList[] = "system.posix_acl_access";
constexpr char kDefaultList[] = "system.posix_acl_default";
constexpr std::size_t kLargestValue = 65536;  // of an attribute, and of all names: XATTR_SIZE_MAX

// Whether an error number says that there is no such attribute.
bool is_missing(int error_number) {
    return error_number == ENODATA || error_number == EOPNOTSUPP || error_number == ENOSYS;
}

// Or the error number.
std::expected<Bytes, int> read_attribute(int fd, const char* name) {
    Bytes value(256);
    auto size = ::fgetxattr(fd, name, value.data(), value.size());
    if (size < 0 && errno == ERANGE) {
        value.resize(kLargestValue);
        size = ::fgetxattr(fd, name, value.data(), value.size());
    }
    if (size < 0) {
        return std::unexpected(errno);
    }
    value.resize(static_cast<std::size_t>(size));
    return value;
}

// Empty where there is none.
std::expected<Bytes, int> read_list(int fd, const char* name) {
    auto list = read_attribute(fd, name);
    return !list && is_missing(list.error()) ? Bytes{} : list;
}

// Whether there is none afterwards.
bool remove_list(int fd, const char* name) {
    return ::fremovexattr(fd, name) == 0 || is_missing(errno);
}

bool set_attribute(int fd, const char* name, const Bytes& value) {
    return ::fsetxattr(fd, name, value.data(), value.size(), 0) == 0;
}

// Or the error number.
std::expected<std::vector<std::string>, int> attribute_names(int fd) {
    std::vector<char> list(1024);
    auto size = ::flistxattr(fd, list.data(), list.size());
    if (size < 0 && errno == ERANGE) {
        list.resize(kLargestValue);
        size = ::flistxattr(fd, list.data(), list.size());
    }
    if (size < 0) {
        return std::unexpected(errno);
    }
    std::vector<std::string> names;
    std::string_view rest(list.data(), static_cast<std::size_t>(size));
    while (!rest.empty()) {
        names.emplace_back(rest.substr(0, rest.find('\0')));
        rest.remove_prefix(std::min(rest.size(), names.back().size() + 1));
    }
    return names;
}

// The mode of a file that loses its access control list. Nobody may do more than before: those whom
// the list names count as the group or as others then. If the group changes too, members of the old
// one become others, and others may be members of the new one.
mode_t mode_without_list(mode_t mode, const Bytes& list, bool keeps_group) {
    const mode_t named = list.empty() ? S_IRWXO : named_rights(list);
    mode_t group = ((list.empty() ? mode & S_IRWXG : group_rights(list)) >> 3U) & named;
    mode_t others = mode & S_IRWXO & named;
    if (!keeps_group) {
        group = others = group & others;
    }
    return (mode & ~static_cast<mode_t>(S_IRWXG | S_IRWXO)) | (group << 3U) | others;
}

}  // namespace

void AttributeCopy::note_lost_owner() {
    lost_.owners += lost_owner_ ? 0 : 1;
    lost_owner_ = true;
}

void AttributeCopy::give_owner() {
    if (::geteuid() != 0) {
        static_cast<void>(::fchown(to_, static_cast<uid_t>(-1), status_.st_gid));
    } else if (::fchown(to_, status_.st_uid, status_.st_gid) != 0) {
        note_lost_owner();
    }
}

// False if one is not kept.
bool AttributeCopy::copy_user_attribute(const std::string& name) {
    const auto value = read_attribute(from_, name.c_str());
    return value ? set_attribute(to_, name.c_str(), *value) : is_missing(value.error());
}

void AttributeCopy::give_attributes() {
    const auto names = attribute_names(from_);
    bool lost = !names && !is_missing(names.error());
    bool privileged = (status_.st_mode & (S_ISUID | S_ISGID)) != 0;
    for (const auto& name : names.value_or(std::vector<std::string>{})) {
        privileged = privileged || name == "security.capability";
        if (name.starts_with("user.") && name != lower::kHeaderAttribute) {
            lost = !copy_user_attribute(name) || lost;
        }
    }
    lost_.user_attributes += lost ? 1 : 0;
    lost_.privileges += privileged ? 1 : 0;
    if (S_ISDIR(status_.st_mode)) {
        copy_default_list();
    }
}

void AttributeCopy::copy_default_list() {
    const auto list = read_list(from_, kDefaultList);
    if (list && !list->empty() && set_attribute(to_, kDefaultList, *list)) {
        return;
    }
    const bool none_left = remove_list(to_, kDefaultList);  // of the folder that it was made in
    if (!list || !list->empty() || !none_left) {
        ++lost_.acls;
    }
}

void AttributeCopy::give_mode() {
    struct stat given{};
    const bool keeps_group = ::fstat(to_, &given) == 0 && given.st_gid == status_.st_gid;
    if (!keeps_group) {
        note_lost_owner();
    }
    const auto list = read_list(from_, kAccessList);
    mode_t mode = status_.st_mode & 01777U;
    if (!list || list->empty() || !keeps_group || !set_attribute(to_, kAccessList, *list)) {
        lost_.acls += list && list->empty() ? 0 : 1;
        mode = list ? mode_without_list(mode, *list, keeps_group)
                    : mode & ~static_cast<mode_t>(S_IRWXG | S_IRWXO);
        if (!remove_list(to_, kAccessList)) {  // made of the default list of the folder
            mode &= ~static_cast<mode_t>(S_IRWXG);
        }
    }
    if (::fchmod(to_, mode) != 0) {
        note_lost_owner();
    }
}

void AttributeCopy::give_times() {
    const std::array<timespec, 2> times = {status_.st_atim, status_.st_mtim};
    if (::futimens(to_, times.data()) != 0) {
        note_lost_owner();
    }
}

}  // namespace ecryptfs::cli
