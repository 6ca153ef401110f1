// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "lib/base/handle.h"

namespace ecryptfs::pki {
namespace {

using base::Result;

// Of newer kernels than the headers that we are built with:
// Documentation/userspace-api/landlock.rst.
constexpr std::uint64_t kTruncate = 1ULL << 14;       // LANDLOCK_ACCESS_FS_TRUNCATE, version 3
constexpr std::uint64_t kIoctlOnDevice = 1ULL << 15;  // LANDLOCK_ACCESS_FS_IOCTL_DEV, version 5
constexpr std::uint64_t kScopeSignals = 1ULL << 1;    // LANDLOCK_SCOPE_SIGNAL, version 6
constexpr int kFirstWithRefer = 2;
constexpr int kFirstWithTruncate = 3;
constexpr int kFirstWithIoctl = 5;
constexpr int kFirstWithScopes = 6;

constexpr std::uint64_t kMakeDevices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
constexpr std::uint64_t kWriteFiles =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER |
    kTruncate;
constexpr std::uint64_t kUseDevices = LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate | kIoctlOnDevice;

// struct landlock_ruleset_attr as of version 6. Older kernels take the longer one if what they do
// not know is zero.
struct RulesetAttributes {
    std::uint64_t handled_files;
    std::uint64_t handled_network;
    std::uint64_t scoped;
};

int version() {
    return static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

std::uint64_t known_to(int version, std::uint64_t rights) {
    return rights & ~(version < kFirstWithTruncate ? kTruncate : 0) &
           ~(version < kFirstWithIoctl ? kIoctlOnDevice : 0);
}

// Rights that we are about to lose, but for what is kept of them below folders.
class Ruleset {
  public:
    Ruleset(int version, std::uint64_t lost) : version_(version), lost_(known_to(version, lost)) {
        const RulesetAttributes attributes{lost_, 0,
                                           version >= kFirstWithScopes ? kScopeSignals : 0};
        rules_.reset(static_cast<int>(
            note(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0))));
    }

    void keep(std::uint64_t rights, const char* folder) {
        const base::UniqueFd parent(::open(folder, O_PATH | O_CLOEXEC));
        const landlock_path_beneath_attr rule{known_to(version_, rights) & lost_, parent.get()};
        note(::syscall(SYS_landlock_add_rule, rules_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
    }

    Result<void> apply() {
        note(::syscall(SYS_landlock_restrict_self, rules_.get(), 0));
        if (failure_ != 0) {
            return std::unexpected(
                base::system_error(base::ErrorCode::kModuleFailed, "Landlock", failure_));
        }
        return {};
    }

  private:
    long note(long result) {
        if (result < 0 && failure_ == 0) {
            failure_ = errno;
        }
        return result;
    }

    int version_;
    std::uint64_t lost_;
    base::UniqueFd rules_;
    int failure_ = 0;
};

}  // namespace

// Whatever its rules are: a process may trace those only that are bound by all that it is bound by.
Result<void> part_from_other_processes() {
    const int landlock = version();
    if (landlock < kFirstWithRefer) {
        return {};
    }
    // To move files between folders is lost by any ruleset that does not speak of it.
    Ruleset rules(landlock, kMakeDevices | LANDLOCK_ACCESS_FS_REFER);
    rules.keep(LANDLOCK_ACCESS_FS_REFER, "/");
    return rules.apply();
}

Result<void> limit_files(const ModuleNeeds& needs) {
    const int landlock = version();
    if (landlock < kFirstWithRefer) {
        return {};
    }
    Ruleset rules(landlock, kWriteFiles | kUseDevices | LANDLOCK_ACCESS_FS_EXECUTE);
    if (needs.files) {
        rules.keep(kWriteFiles, "/");
    }
    if (needs.devices) {
        rules.keep(kUseDevices, "/dev");
    }
    if (needs.programs) {
        rules.keep(LANDLOCK_ACCESS_FS_EXECUTE, "/");
    }
    return rules.apply();
}

}  // namespace ecryptfs::pki
