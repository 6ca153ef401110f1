// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/doctor/diagnosis.h"
#include "cli/mount/user_space_parts.h"

namespace ecryptfs::cli {
namespace {

// Of mounts by the kernel, and of those in user space.
constexpr auto kKernelLinks = std::to_array<std::string_view>(
    {"kernel", "public keys", "device", "session keyring", "holder"});
constexpr auto kUserSpaceLinks =
    std::to_array<std::string_view>({"fuse", "fusermount3", "ecryptfs-fuse"});

bool is_one(std::span<const std::string_view> links, const Finding& finding) {
    return std::ranges::find(links, finding.link) != links.end();
}

Finding check_fusermount(const std::string& root) {
    const auto program = find_fusermount(root);
    if (!program) {
        return broken("fusermount3", program.error());
    }
    return {"fusermount3", Health::kWorks,
            fmt::format("{}; with -o allow_other for {} (/etc/fuse.conf)", *program,
                        users_may_admit_others(root) ? "everybody" : "root only")};
}

}  // namespace

std::vector<Finding> check_user_space(const std::string& root, uid_t uid) {
    std::vector<Finding> findings;
    const auto device = check_fuse_device(root);
    findings.push_back(device ? Finding{"fuse", Health::kWorks, "/dev/fuse can be opened"}
                              : broken("fuse", device.error()));
    if (uid != 0) {  // who mounts and unmounts by itself
        findings.push_back(check_fusermount(root));
    }
    const auto program = find_fuse_program();
    findings.push_back(program ? Finding{"ecryptfs-fuse", Health::kWorks, *program}
                               : broken("ecryptfs-fuse", program.error()));
    return findings;
}

void accept_one_way(std::vector<Finding>& findings) {
    const auto works = [&](const Finding& finding) { return finding.health == Health::kWorks; };
    const bool kernel = std::ranges::any_of(findings, [&](const Finding& finding) {
        return finding.link == "kernel" && works(finding);
    });
    const bool user_space = std::ranges::all_of(findings, [&](const Finding& finding) {
        return !is_one(kUserSpaceLinks, finding) || works(finding);
    });
    for (auto& finding : findings) {
        const bool can_be_done_without = (user_space && !kernel && is_one(kKernelLinks, finding)) ||
                                         (kernel && is_one(kUserSpaceLinks, finding));
        if (can_be_done_without && finding.health == Health::kBroken) {
            finding.health = Health::kDoubtful;
            finding.message +=
                kernel ? "; mounts by the kernel only" : "; mounts in user space only";
        }
    }
}

}  // namespace ecryptfs::cli
