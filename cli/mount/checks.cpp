// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "cli/agent/client.h"
#include "cli/files/file_error.h"
#include "cli/input/command_advice.h"
#include "cli/input/key_location.h"
#include "cli/mount/current_mounts.h"
#include "cli/mount/plan.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"
#include "lib/keyring/keyrings.h"
#include "lib/lower/header.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

struct FoundKey {
    bool is_private = false;
    std::string locator = {};
};

Result<FoundKey> inspect_token(keyring::KeySerial serial) {
    const auto payload = TRY(keyring::read_token(serial));
    const auto token = TRY(wire::parse_auth_token(payload.view()));
    const auto* key = std::get_if<wire::PrivateKeyToken>(&token);
    if (key == nullptr) {
        return FoundKey{};
    }
    // Blobs of ecryptfs-utils hold a secret, and nothing that add-key takes.
    const std::string locator(base::as_text(key->blob));
    return FoundKey{true, canonical_uri(locator, true) == locator ? locator : ""};
}

Result<FoundKey> find_key(const KeySignature& signature, MountWay way) {
    const auto serial = keyring::request_token(signature);
    if (!serial && serial.error().code == ErrorCode::kUnknownKey && way == MountWay::kKernel &&
        keyring::request_token(signature, "encrypted")) {
        return FoundKey{};  // keystore.c: ecryptfs_get_encrypted_key; a passphrase's
    }
    return serial ? inspect_token(*serial) : std::unexpected(serial.error());
}

std::string advice_on_adding(const MountPlan& plan, const KeySignature& signature) {
    const auto known = plan.folder.locators.find(signature);
    if (known != plan.folder.locators.end()) {
        return add_key_advice(known->second);
    }
    const auto& names = plan.folder.options.name_keys;
    return std::ranges::find(names, signature) != names.end() ? "ecryptfsctl add-passphrase --fnek"
                                                              : add_any_key_advice();
}

Result<FoundKey> check_token(const MountPlan& plan, const KeySignature& signature) {
    if (std::ranges::find(plan.given_keys, signature) != plan.given_keys.end()) {
        return FoundKey{};
    }
    auto found = find_key(signature, plan.folder.way);
    if (!found) {
        auto error = found.error();
        if (error.code == ErrorCode::kUnknownKey || error.code == ErrorCode::kKeyExpired ||
            error.code == ErrorCode::kKeyRevoked) {
            error.advice = advice_on_adding(plan, signature);
        }
        return std::unexpected(std::move(error));
    }
    return found;
}

// The kernel asks the process that holds the device for each file's key, ecryptfs-fuse the agent.
Result<void> check_agent(const std::vector<KeySignature>& keys, MountWay way,
                         CheckFindings& findings) {
    const auto agent = ask_agent();
    if (!agent) {
        return findings.add_problem(agent.error());
    }
    if (const auto ready = device_ready(agent->manager); way == MountWay::kKernel && !ready) {
        return findings.add_problem(ready.error());
    }
    const auto& held_keys = agent->objects.keys;
    for (const auto& signature : keys) {
        const auto key = std::ranges::find(held_keys, signature.text(), &AgentKey::signature);
        const auto held =
            key != held_keys.end()
                ? key_ready(*key)
                : std::unexpected(
                      Error{ErrorCode::kUnknownKey,
                            fmt::format("the agent does not have the key {}", signature.text()),
                            base::add_key_again_advice()});
        TRY(held ? held : findings.add_problem(held.error()));
    }
    return {};
}

Result<void> check_upper(const MountPlan& plan, CheckFindings& findings) {
    const auto& upper = plan.folder.upper;
    for (const auto& mount : mounted_folders().value_or(std::vector<MountedFolder>{})) {
        if (mount.upper == upper) {
            return std::unexpected(Error{ErrorCode::kAlreadyExists,
                                         fmt::format("{} is mounted on {}", mount.lower, upper),
                                         unmount_command(mount)});
        }
    }
    if (upper == plan.folder.lower) {
        return {};
    }
    std::error_code unreadable;
    const bool is_empty = fs::is_empty(upper, unreadable);
    if (unreadable) {
        return findings.add_problem(
            file_error(fmt::format("checking whether {} is empty", upper), unreadable.value()));
    }
    if (!is_empty) {
        return findings.add_problem(not_empty(upper));
    }
    return {};
}

// Where a mount in user space shows its files.
bool is_in_upper_folder(const std::string& folder) {
    const auto mounts = mounted_folders().value_or(std::vector<MountedFolder>{});
    return std::ranges::any_of(mounts, [&](const MountedFolder& mount) {
        return mount.way == MountWay::kUserSpace && mount.upper != mount.lower &&
               (folder + "/").starts_with(mount.upper + "/");
    });
}

Result<void> check_file_system(const MountPlan& plan) {
    const auto& lower = plan.folder.lower;
    if (is_on_kernel_mount(lower) || is_in_upper_folder(lower)) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("{} is on an eCryptfs mount itself", lower),
                                     "name the lower folder"});
    }
    if (plan.folder.options.xattr &&
        ::getxattr(lower.c_str(), lower::kHeaderAttribute, nullptr, 0) < 0 && errno == EOPNOTSUPP) {
        return std::unexpected(
            Error{ErrorCode::kNotSupported,
                  fmt::format("the file system of {} has no extended attributes of users", lower),
                  "leave --xattr out, or use a folder on ext4, XFS or Btrfs"});
    }
    return {};
}

}  // namespace

Result<void> check_keys(MountPlan& plan, CheckFindings& findings) {
    std::vector<KeySignature> of_agent;
    for (const auto& signature : plan.folder.options.keys) {
        const auto found = TRY(check_token(plan, signature));
        if (found.is_private) {
            of_agent.push_back(signature);
        }
        if (!found.locator.empty()) {
            plan.folder.locators[signature] = found.locator;
        }
    }
    for (const auto& signature : plan.folder.options.name_keys) {
        const auto found = TRY(check_token(plan, signature));
        if (found.is_private) {
            return std::unexpected(Error{
                ErrorCode::kInvalidKey,
                fmt::format("{} is a private key: eCryptfs encrypts names by passphrase only",
                            signature.text()),
                "ecryptfsctl add-passphrase --fnek; the second line that it prints is for --fnek"});
        }
    }
    return of_agent.empty() ? Result<void>() : check_agent(of_agent, plan.folder.way, findings);
}

Error not_empty(const std::string& upper) {
    return {ErrorCode::kAlreadyExists,
            fmt::format("{} is not empty: the mount would hide what is in it", upper),
            "name an empty folder"};
}

Result<void> check_folders(const MountPlan& plan, CheckFindings& findings) {
    TRY(check_file_system(plan));
    TRY(check_upper(plan, findings));
    if (plan.is_known) {
        return {};
    }
    return check_contents(plan, findings);
}

}  // namespace ecryptfs::cli
