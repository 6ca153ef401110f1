// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include "cli/doctor/diagnosis.h"
#include "cli/files/whole_file.h"
#include "cli/input/command_advice.h"
#include "cli/mount/processes.h"
#include "cli/output/output.h"
#include "lib/base/shell_word.h"
#include "lib/keyring/keyrings.h"
#include "lib/wire/device_frame.h"

namespace ecryptfs::cli {
namespace {

// fs/ecryptfs/ecryptfs_kernel.h: ECRYPTFS_VERSIONING_PUBKEY
constexpr std::uint64_t kPublicKeyFeature = 0x2;
// Enough for what the agent keeps for its next process, and for some secrets.
constexpr std::uint64_t kLockedMemory = 2 << 20;

std::string kernel_release() {
    utsname names{};
    ::uname(&names);
    return names.release;
}

bool can_be_loaded(const std::string& root) {
    const auto folder = fmt::format("{}/lib/modules/{}", root, kernel_release());
    return read_system_file(folder + "/modules.dep").contains("/ecryptfs.ko");
}

std::string user_name() {
    const auto* user = ::getpwuid(::geteuid());
    return user == nullptr ? "USER" : user->pw_name;
}

bool group_lists_user(const group& group, const std::string& user) {
    for (char** member = group.gr_mem; member != nullptr && *member != nullptr; ++member) {
        if (user == *member) {
            return true;
        }
    }
    return false;
}

// How a user gets access to the device.
std::string group_advice(gid_t gid) {
    const auto user = user_name();
    const auto* group = ::getgrgid(gid);
    if (gid == 0 || group == nullptr) {
        return "the package ecryptfs-agent gives the device to the group ecryptfs: sudo udevadm "
               "trigger /dev/ecryptfs";
    }
    if (group_lists_user(*group, user)) {
        return fmt::format(
            "{} is in the group {}, but this session began before: log out of all "
            "sessions and in again",
            user, group->gr_name);
    }
    return fmt::format(
        "sudo usermod --append --groups {} {}; then log out of all sessions and in "
        "again",
        group->gr_name, base::shell_word(user));
}

struct Quota {
    std::uint64_t used = 0;
    std::uint64_t most = 0;

    bool is_tight() const { return most > 0 && used >= most / 10 * 9; }
    bool is_full() const { return used >= most; }
};

// proc(5), /proc/key-users: "uid: usage nkeys/nikeys qnkeys/maxkeys qnbytes/maxbytes".
struct KeyQuotas {
    Quota keys;
    Quota bytes;
};

std::optional<KeyQuotas> find_quotas(const std::string& root, uid_t uid) {
    std::istringstream lines(read_system_file(root + "/proc/key-users"));
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream fields(line);
        uid_t whose = 0;
        std::string usage, keys;
        char slash = 0;
        KeyQuotas quotas;
        if (fields >> whose >> usage >> usage >> keys >> quotas.keys.used >> slash >>
                quotas.keys.most >> quotas.bytes.used >> slash >> quotas.bytes.most &&
            whose == uid) {
            return quotas;
        }
    }
    return std::nullopt;
}

// proc(5), /proc/pid/limits: "Max locked memory  soft  hard  bytes".
std::string memory_lock_limit(const std::string& limits) {
    constexpr std::string_view kName = "Max locked memory";
    const auto at = limits.find(kName);
    std::istringstream rest(at == std::string::npos ? "" : limits.substr(at + kName.size()));
    std::string soft;
    rest >> soft;
    return soft;
}

std::uint64_t parse_leading_number(const std::string& text) {
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

Finding check_kernel(const std::string& root) {
    Finding finding{"kernel"};
    const auto release = kernel_release();
    if (read_system_file(root + "/proc/filesystems").contains("\tecryptfs\n")) {
        finding.message = fmt::format("Linux {} has eCryptfs", release);
        return finding;
    }
    finding.health = Health::kBroken;
    if (can_be_loaded(root)) {
        finding.message = "the kernel module ecryptfs is not loaded";
        finding.advice = "sudo modprobe ecryptfs; the package has it loaded at every boot";
    } else {
        finding.message = fmt::format("Linux {} has no eCryptfs", release);
        finding.advice = fmt::format(
            "install a kernel that has it, as Debian's and Ubuntu's own; how files are read "
            "without: {}",
            decrypt_help_advice());
    }
    return finding;
}

Finding check_public_key_mode(const std::string& root) {
    const auto text = read_system_file(root + "/sys/fs/ecryptfs/version");
    if (text.empty()) {
        return {"public keys", Health::kUnknown, "the kernel does not say what it supports"};
    }
    const auto features = parse_leading_number(text);
    if ((features & kPublicKeyFeature) == 0) {
        return {"public keys", Health::kBroken,
                fmt::format("this kernel's eCryptfs ({:#x}) supports passphrases only", features),
                "install a kernel that is built with CONFIG_ECRYPT_FS_MESSAGING"};
    }
    return {"public keys", Health::kWorks, fmt::format("supported ({:#x})", features)};
}

Finding check_device_node(const std::string& root) {
    const auto path = root + wire::kDevicePath;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        return {"device", Health::kBroken, fmt::format("{} does not exist", wire::kDevicePath),
                "sudo modprobe ecryptfs; if it is loaded, the kernel lacks "
                "CONFIG_ECRYPT_FS_MESSAGING"};
    }
    if (::access(path.c_str(), R_OK | W_OK) != 0) {
        return {"device", Health::kBroken,
                fmt::format("{} may not open {}", user_name(), wire::kDevicePath),
                group_advice(status.st_gid)};
    }
    if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        return {"device", Health::kDoubtful,
                fmt::format("everybody may open {}: a process that holds it and does not read can "
                            "crash the kernel",
                            wire::kDevicePath),
                "sudo chmod o= /dev/ecryptfs; the package's udev rule sees to it"};
    }
    return {"device", Health::kWorks,
            fmt::format("{} may open {}", user_name(), wire::kDevicePath)};
}

Finding check_key_quota(const std::string& root, uid_t uid) {
    const auto quotas = find_quotas(root, uid);
    if (!quotas) {
        return {"key quota", Health::kUnknown, "/proc/key-users has no line for this user"};
    }
    const auto& [keys, bytes] = *quotas;
    Finding finding{
        "key quota", Health::kWorks,
        fmt::format("{} of {} keys, {} of {} bytes", keys.used, keys.most, bytes.used, bytes.most)};
    if (keys.is_tight() || bytes.is_tight()) {
        const bool full = keys.is_full() || bytes.is_full();
        finding.health = full ? Health::kBroken : Health::kDoubtful;
        finding.advice = fmt::format(
            "remove a key that is not needed: ecryptfsctl remove-key SIGNATURE; or raise the "
            "limits: sudo sysctl kernel.keys.{0}maxkeys={1} kernel.keys.{0}maxbytes={2}",
            uid == 0 ? "root_" : "", 2 * keys.most, 2 * bytes.most);
    }
    return finding;
}

Finding check_memory_lock(const std::string& root, pid_t pid) {
    const auto process = fmt::format("{}/proc/{}", root, pid);
    const auto limit_text = memory_lock_limit(read_system_file(process + "/limits"));
    if (limit_text.empty()) {
        return {"locked memory", Health::kUnknown, fmt::format("process {} does not exist", pid)};
    }
    const auto limit = parse_leading_number(limit_text);
    if (limit_text != "unlimited" && limit < kLockedMemory) {
        return {"locked memory", Health::kBroken,
                fmt::format("secrets need {} of it, and the limit is {}",
                            size_in_words(kLockedMemory), size_in_words(limit)),
                "raise memlock in /etc/security/limits.conf, or LimitMEMLOCK= of "
                "user@.service and ecryptfs-agent.service"};
    }
    return {"locked memory", Health::kWorks,
            limit_text == "unlimited" ? "no limit" : "the limit is " + size_in_words(limit)};
}

Finding check_old_daemon(const std::string& root, uid_t uid) {
    const auto processes = running_processes(root);
    const auto found = std::ranges::find_if(processes, [&](const RunningProcess& process) {
        return process.name == "ecryptfsd" && process.uid == uid;
    });
    if (found == processes.end()) {
        return {"ecryptfsd", Health::kWorks, "not running, as it should be"};
    }
    return {"ecryptfsd", Health::kBroken,
            fmt::format("runs as pid {}, and answers the kernel in the agent's place", found->pid),
            fmt::format("kill {} && systemctl --user restart ecryptfs-agent", found->pid)};
}

Finding check_session_keyring() {
    const auto linked = keyring::user_keyring_is_linked();
    if (!linked) {
        return broken("session keyring", linked.error());
    }
    if (!*linked) {
        return {"session keyring", Health::kBroken,
                "the user keyring is not linked: mount would not find the keys",
                "keyctl link @u @s; or log in through PAM with pam_keyinit.so"};
    }
    return {"session keyring", Health::kWorks, "links the user keyring"};
}

}  // namespace ecryptfs::cli
