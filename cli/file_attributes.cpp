// SPDX-License-Identifier: Apache-2.0

#include "cli/file_attributes.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "cli/access_list.h"
#include "lib/lower/header.h"

namespace ecryptfs::cli {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr char kAccessList[] = "system.posix_acl_access";
constexpr char kDefaultList[] = "system.posix_acl_default";
constexpr std::size_t kLargestValue = 65536;  // of an attribute, and of all names: XATTR_SIZE_MAX

// Nothing where there is none.
Bytes read_attribute(int fd, const char* name) {
    Bytes value(256);
    auto size = ::fgetxattr(fd, name, value.data(), value.size());
    if (size < 0 && errno == ERANGE) {
        value.resize(kLargestValue);
        size = ::fgetxattr(fd, name, value.data(), value.size());
    }
    value.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return value;
}

bool set_attribute(int fd, const char* name, const Bytes& value) {
    return ::fsetxattr(fd, name, value.data(), value.size(), 0) == 0;
}

std::vector<std::string> attribute_names(int fd) {
    std::vector<char> list(1024);
    auto size = ::flistxattr(fd, list.data(), list.size());
    if (size < 0 && errno == ERANGE) {
        list.resize(kLargestValue);
        size = ::flistxattr(fd, list.data(), list.size());
    }
    std::vector<std::string> names;
    std::string_view rest(list.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
    while (!rest.empty()) {
        names.emplace_back(rest.substr(0, rest.find('\0')));
        rest.remove_prefix(std::min(rest.size(), names.back().size() + 1));
    }
    return names;
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

void AttributeCopy::give_attributes() {
    bool lost = false;
    bool privileged = (status_.st_mode & (S_ISUID | S_ISGID)) != 0;
    for (const auto& name : attribute_names(from_)) {
        privileged = privileged || name == "security.capability";
        if (!name.starts_with("user.") || name == lower::kHeaderAttribute) {
            continue;
        }
        lost = !set_attribute(to_, name.c_str(), read_attribute(from_, name.c_str())) || lost;
    }
    lost_.user_attributes += lost ? 1 : 0;
    lost_.privileges += privileged ? 1 : 0;
    if (S_ISDIR(status_.st_mode)) {
        copy_default_list();
    }
}

void AttributeCopy::copy_default_list() {
    const auto list = read_attribute(from_, kDefaultList);
    if (list.empty()) {
        ::fremovexattr(to_, kDefaultList);  // one of the folder that it was made in
    } else if (!set_attribute(to_, kDefaultList, list)) {
        ++lost_.acls;
    }
}

// Whether there is none, or it was copied.
bool AttributeCopy::copy_access_list() {
    const auto list = read_attribute(from_, kAccessList);
    if (!list.empty() && set_attribute(to_, kAccessList, list)) {
        return true;
    }
    ::fremovexattr(to_, kAccessList);  // made of the default list of the folder that it is in
    return list.empty();
}

void AttributeCopy::give_mode() {
    mode_t mode = status_.st_mode & 01777U;
    if (from_ < 0) {
        mode &= ~static_cast<mode_t>(S_IRWXG);  // it may have been a list's mask
    } else if (!copy_access_list()) {
        ++lost_.acls;
        mode = (mode & ~static_cast<mode_t>(S_IRWXG)) |
               (mode & group_rights(read_attribute(from_, kAccessList)));
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
