// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/doctor/diagnosis.h"
#include "cli/input/command_advice.h"
#include "lib/keyring/keyrings.h"

namespace ecryptfs::cli {
namespace {

// Other users' mounts find their keys in keyrings that we cannot see.
bool is_owned(const MountedFolder& mount, uid_t uid) {
    struct stat status{};
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

}  // namespace

std::vector<Finding> check_mounts(const std::vector<MountedFolder>& mounts, uid_t uid) {
    std::vector<Finding> findings;
    for (const auto& mount : mounts) {
        if (is_owned(mount, uid)) {
            findings.push_back(check_mount(mount));
        }
    }
    return findings;
}

}  // namespace ecryptfs::cli
