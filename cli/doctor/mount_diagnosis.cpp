// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "cli/doctor/diagnosis.h"
#include "cli/input/command_advice.h"
#include "lib/base/shell_word.h"
#include "lib/keyring/keyrings.h"

namespace ecryptfs::cli {
namespace {

// Other users' mounts find their keys in keyrings that we cannot see.
bool is_owned(const MountedFolder& mount, uid_t uid) {
    struct stat status{};
    if (mount.way == MountWay::kUserSpace) {
        return mount.owner == uid;
    }
    return ::stat(mount.upper.c_str(), &status) == 0 && status.st_uid == uid;
}

Finding check_mount(const MountedFolder& mount) {
    Finding finding{fmt::format("mount {}", mount.upper), Health::kWorks, "its keys are there"};
    for (const auto* signatures : {&mount.options.keys, &mount.options.name_keys}) {
        for (const auto& signature : *signatures) {
            const auto token = keyring::request_token(signature);
            if (!token && !keyring::request_token(signature, "encrypted")) {
                finding.health = Health::kBroken;
                finding.message = token.error().message;
                finding.advice =
                    fmt::format("add the key {} again: {}", signature.text(), add_any_key_advice());
            }
        }
    }
    return finding;
}

// Its keys are in the program that serves it.
Finding check_server(const MountedFolder& mount) {
    const auto link = fmt::format("mount {}", mount.upper);
    struct stat status{};
    if (::stat(mount.upper.c_str(), &status) != 0 && errno == ENOTCONN) {
        return {link, Health::kBroken, "the ecryptfs-fuse that mounted it has ended",
                fmt::format("unmount what is left: ecryptfsctl umount {}",
                            base::shell_word(mount.upper))};
    }
    return {link, Health::kWorks, "its ecryptfs-fuse runs"};
}

}  // namespace

std::vector<Finding> check_mounts(const std::vector<MountedFolder>& mounts, uid_t uid) {
    std::vector<Finding> findings;
    for (const auto& mount : mounts) {
        if (is_owned(mount, uid)) {
            findings.push_back(mount.way == MountWay::kKernel ? check_mount(mount)
                                                              : check_server(mount));
        }
    }
    return findings;
}

}  // namespace ecryptfs::cli
