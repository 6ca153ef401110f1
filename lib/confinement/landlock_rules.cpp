// SPDX-License-Identifier: Apache-2.0

#include "lib/confinement/landlock_rules.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace ecryptfs::confinement {
namespace {

constexpr std::uint64_t kScopeSignals = 1ULL << 1;  // LANDLOCK_SCOPE_SIGNAL, version 6
constexpr int kFirstWithRefer = 2;
constexpr int kFirstWithTruncate = 3;
constexpr int kFirstWithIoctl = 5;
constexpr int kFirstWithScopes = 6;

// struct landlock_ruleset_attr of version 6. Older kernels take it if the fields that they do not
// know are zero.
struct RulesetAttributes {
    std::uint64_t handled_files;
    std::uint64_t handled_network;
    std::uint64_t scoped;
};

int kernel_version() {
    return static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

std::uint64_t rights_of_version(int version) {
    return ~((version < kFirstWithTruncate ? kTruncate : 0) |
             (version < kFirstWithIoctl ? kIoctlOnDevice : 0));
}

}  // namespace

LandlockRules::LandlockRules(std::uint64_t lost) {
    const int version = kernel_version();
    is_supported_ = version >= kFirstWithRefer;
    if (!is_supported_) {
        return;
    }
    known_rights_ = rights_of_version(version);
    lost_ = lost & known_rights_;
    const RulesetAttributes attributes{lost_, 0, version >= kFirstWithScopes ? kScopeSignals : 0};
    rules_.reset(static_cast<int>(
        record_failure(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0))));
}

void LandlockRules::keep(std::uint64_t rights, const std::filesystem::path& path) {
    keep(rights, base::UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC)));
}

void LandlockRules::keep(std::uint64_t rights, const base::UniqueFd& folder) {
    const landlock_path_beneath_attr rule{rights & lost_, folder.get()};
    if (is_supported_ && folder && rule.allowed_access != 0) {
        record_failure(
            ::syscall(SYS_landlock_add_rule, rules_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
    }
}

void LandlockRules::fail(int error_number) {
    errno = error_number;
    record_failure(-1);
}

base::Result<void> LandlockRules::apply(base::ErrorCode failure) {
    if (!is_supported_) {
        return {};
    }
    record_failure(::syscall(SYS_landlock_restrict_self, rules_.get(), 0));
    if (failure_ != 0) {
        return std::unexpected(base::system_error(failure, "Landlock", failure_));
    }
    return {};
}

long LandlockRules::record_failure(long result) {
    if (result < 0 && failure_ == 0) {
        failure_ = errno;
    }
    return result;
}

}  // namespace ecryptfs::confinement
