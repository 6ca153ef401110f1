// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/landlock.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "lib/confinement/landlock_rules.h"

namespace ecryptfs::pki {
namespace {

namespace fs = std::filesystem;
using base::Result;
using confinement::kMakeDevices;
using confinement::kMakeFiles;
using confinement::kReadFiles;
using confinement::kUseFiles;
using confinement::kWriteFiles;
using confinement::LandlockRules;

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

bool is_among(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

std::vector<fs::directory_entry> entries(LandlockRules& rules, const char* folder) {
    std::vector<fs::directory_entry> found;
    std::error_code failure;
    for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        found.push_back(*entry);
    }
    if (failure) {
        rules.fail(failure.value());
    }
    return found;
}

// A rule holds for everything below a folder, without exceptions: so one for each other folder.
// Does not follow links: one that leads to the root would allow all that is to be lost.
void keep_outside_devices(LandlockRules& rules, std::uint64_t rights) {
    for (const auto& entry : entries(rules, "/")) {
        std::error_code failure;
        if (!entry.is_symlink(failure) && entry.path() != kDeviceFolder) {
            rules.keep(rights, entry.path());
        }
    }
}

// For the devices whose name is wanted. Does not follow links: their targets have names too.
void keep_devices(LandlockRules& rules, std::uint64_t rights,
                  const std::function<bool(std::string_view)>& wanted) {
    for (const auto& entry : entries(rules, kDeviceFolder)) {
        std::error_code failure;
        if (!entry.is_symlink(failure) && wanted(entry.path().filename().string())) {
            rules.keep(rights, entry.path());
        }
    }
}

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

Result<void> isolate_from_processes() {
    // A ruleset that does not mention moving files between folders forbids it.
    LandlockRules rules(kMakeDevices | LANDLOCK_ACCESS_FS_REFER | kUseFiles);
    if (!rules.are_supported()) {
        return {};
    }
    rules.keep(LANDLOCK_ACCESS_FS_REFER, "/");
    keep_outside_devices(rules, kUseFiles);
    keep_devices(rules, kUseFiles, [](std::string_view name) { return !is_withheld_device(name); });
    return rules.apply(base::ErrorCode::kModuleFailed);
}

Result<void> limit_files(const ModuleNeeds& needs) {
    LandlockRules rules(kMakeFiles | kUseFiles | LANDLOCK_ACCESS_FS_EXECUTE);
    if (!rules.are_supported()) {
        return {};
    }
    keep_outside_devices(rules, kReadFiles);
    keep_devices(rules, kReadFiles, [](std::string_view name) { return is_among(kForAll, name); });
    if (needs.files) {
        rules.keep(kMakeFiles, "/");
        keep_outside_devices(rules, kWriteFiles);
        keep_devices(rules, kReadFiles | kWriteFiles,
                     [](std::string_view name) { return is_among(kSharedMemory, name); });
    }
    if (needs.devices) {
        keep_devices(rules, kUseFiles,
                     [](std::string_view name) { return !is_among(kSharedMemory, name); });
    }
    if (needs.tpm) {
        keep_devices(rules, kUseFiles,
                     [](std::string_view name) { return name.starts_with("tpm"); });
    }
    if (needs.programs) {
        rules.keep(LANDLOCK_ACCESS_FS_EXECUTE, "/");
    }
    return rules.apply(base::ErrorCode::kModuleFailed);
}

}  // namespace ecryptfs::pki
