// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "lib/base/handle.h"

namespace ecryptfs::pki {
namespace {

namespace fs = std::filesystem;
using base::Result;

// Newer than the kernel headers that we build with. Documentation/userspace-api/landlock.rst.
constexpr std::uint64_t kTruncate = 1ULL << 14;       // LANDLOCK_ACCESS_FS_TRUNCATE, version 3
constexpr std::uint64_t kIoctlOnDevice = 1ULL << 15;  // LANDLOCK_ACCESS_FS_IOCTL_DEV, version 5
constexpr std::uint64_t kScopeSignals = 1ULL << 1;    // LANDLOCK_SCOPE_SIGNAL, version 6
constexpr int kFirstWithRefer = 2;
constexpr int kFirstWithTruncate = 3;
constexpr int kFirstWithIoctl = 5;
constexpr int kFirstWithScopes = 6;

constexpr std::uint64_t kMakeDevices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
constexpr std::uint64_t kMakeFiles =
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;
constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kWrite = LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;
constexpr std::uint64_t kUse = kRead | kWrite | kIoctlOnDevice;

constexpr char kDeviceFolder[] = "/dev";
// Entries of /dev, by how their names begin: devices by which people see, hear and type; and those
// that stand for other processes, or for a part of the kernel that our system call filters close.
constexpr auto kWithheld = std::to_array<std::string_view>(
    {"adsp",   "amidi",       "audio", "console", "dmmidi", "dri",       "dsp",   "ecryptfs",
     "fb",     "fuse",        "hvc",   "input",   "kmsg",   "mem",       "media", "midi",
     "mixer",  "nvidia",      "port",  "pts",     "ptmx",   "sequencer", "snd",   "uhid",
     "uinput", "userfaultfd", "v4l",   "vchiq",   "vcs",    "video"});
constexpr auto kSharedMemory = std::to_array<std::string_view>({"hugepages", "mqueue", "shm"});
constexpr auto kForAll =
    std::to_array<std::string_view>({"full", "null", "random", "urandom", "zero"});

// struct landlock_ruleset_attr of version 6. Older kernels take it if the fields that they do not
// know are zero.
struct RulesetAttributes {
    std::uint64_t handled_files;
    std::uint64_t handled_network;
    std::uint64_t scoped;
};

bool is_among(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

int version() {
    return static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

std::uint64_t supported_rights(int version, std::uint64_t rights) {
    return rights & ~(version < kFirstWithTruncate ? kTruncate : 0) &
           ~(version < kFirstWithIoctl ? kIoctlOnDevice : 0);
}

// The rights that we are about to lose, except where keep() keeps them below a folder.
class Ruleset {
  public:
    Ruleset(int version, std::uint64_t lost)
        : version_(version), lost_(supported_rights(version, lost)) {
        const RulesetAttributes attributes{lost_, 0,
                                           version >= kFirstWithScopes ? kScopeSignals : 0};
        rules_.reset(static_cast<int>(record_failure(
            ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0))));
    }

    // A path that does not exist needs no rule.
    void keep(std::uint64_t rights, const fs::path& path) {
        const base::UniqueFd parent(::open(path.c_str(), O_PATH | O_CLOEXEC));
        const landlock_path_beneath_attr rule{supported_rights(version_, rights) & lost_,
                                              parent.get()};
        if (parent && rule.allowed_access != 0) {
            record_failure(::syscall(SYS_landlock_add_rule, rules_.get(),
                                     LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
        }
    }

    // A rule holds for everything below a folder, without exceptions: so one for each other folder.
    void keep_outside_devices(std::uint64_t rights) {
        for (const auto& entry : entries("/")) {
            if (entry.path() != kDeviceFolder) {
                keep(rights, entry.path());
            }
        }
    }

    // For the devices whose name is wanted. Does not follow links: their targets have names too.
    void keep_devices(std::uint64_t rights, const std::function<bool(std::string_view)>& wanted) {
        for (const auto& entry : entries(kDeviceFolder)) {
            std::error_code failure;
            if (!entry.is_symlink(failure) && wanted(entry.path().filename().string())) {
                keep(rights, entry.path());
            }
        }
    }

    Result<void> apply() {
        record_failure(::syscall(SYS_landlock_restrict_self, rules_.get(), 0));
        if (failure_ != 0) {
            return std::unexpected(
                base::system_error(base::ErrorCode::kModuleFailed, "Landlock", failure_));
        }
        return {};
    }

  private:
    std::vector<fs::directory_entry> entries(const char* folder) {
        std::vector<fs::directory_entry> found;
        std::error_code failure;
        for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
             entry.increment(failure)) {
            found.push_back(*entry);
        }
        errno = failure.value();
        record_failure(failure ? -1 : 0);
        return found;
    }

    long record_failure(long result) {
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

// Terminals are called tty and tty1. Serial lines, which may lead to card readers, are called
// ttyS0, ttyUSB0 or ttyACM0.
bool is_withheld_device(std::string_view name) {
    const bool is_terminal = name.starts_with("tty") &&
                             name.find_first_not_of("0123456789", 3) == std::string_view::npos;
    return is_terminal || std::ranges::any_of(kWithheld, [&](std::string_view beginning) {
               return name.starts_with(beginning);
           });
}

// With any ruleset at all, a process may trace only processes under at least the same rulesets.
Result<void> isolate_from_processes() {
    const int landlock = version();
    if (landlock < kFirstWithRefer) {
        return {};
    }
    // A ruleset that does not mention moving files between folders forbids it.
    Ruleset rules(landlock, kMakeDevices | LANDLOCK_ACCESS_FS_REFER | kUse);
    rules.keep(LANDLOCK_ACCESS_FS_REFER, "/");
    rules.keep_outside_devices(kUse);
    rules.keep_devices(kUse, [](std::string_view name) { return !is_withheld_device(name); });
    return rules.apply();
}

Result<void> limit_files(const ModuleNeeds& needs) {
    const int landlock = version();
    if (landlock < kFirstWithRefer) {
        return {};
    }
    Ruleset rules(landlock, kMakeFiles | kUse | LANDLOCK_ACCESS_FS_EXECUTE);
    rules.keep_outside_devices(kRead);
    rules.keep_devices(kRead, [](std::string_view name) { return is_among(kForAll, name); });
    if (needs.files) {
        rules.keep(kMakeFiles, "/");
        rules.keep_outside_devices(kWrite);
        rules.keep_devices(kRead | kWrite,
                           [](std::string_view name) { return is_among(kSharedMemory, name); });
    }
    if (needs.devices) {
        rules.keep_devices(kUse,
                           [](std::string_view name) { return !is_among(kSharedMemory, name); });
    }
    if (needs.tpm) {
        rules.keep_devices(kUse, [](std::string_view name) { return name.starts_with("tpm"); });
    }
    if (needs.programs) {
        rules.keep(LANDLOCK_ACCESS_FS_EXECUTE, "/");
    }
    return rules.apply();
}

}  // namespace ecryptfs::pki
