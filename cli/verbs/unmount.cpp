// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/unmount.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ranges>

#include "cli/agent/client.h"
#include "cli/mount/call.h"
#include "cli/mount/current_mounts.h"
#include "cli/mount/json.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/keyring/hidden_token.h"
#include "lib/keyring/keyrings.h"
#include "lib/keyring/token_writer.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;
using Signatures = std::vector<KeySignature>;

// Also of a mount in user space that this user may not look at, or whose program has died.
std::string canonical_path(const std::string& typed) {
    std::error_code failed;
    auto path = fs::weakly_canonical(typed, failed);
    if (failed) {
        auto name = fs::absolute(typed, failed).lexically_normal();
        name = name.has_filename() ? name : name.parent_path();  // without a slash at the end
        path = fs::weakly_canonical(name.parent_path(), failed) / name.filename();
    }
    return path;
}

// The last one: it hides what was mounted on the same folder before.
Result<MountedFolder> find_mount(const std::string& typed) {
    const auto mounts = TRY(mounted_folders());
    const auto canonical = canonical_path(typed);
    for (const auto member : {&MountedFolder::upper, &MountedFolder::lower}) {
        for (const auto& mount : std::views::reverse(mounts)) {
            if (mount.*member == canonical) {
                return mount;
            }
        }
    }
    return std::unexpected(not_mounted(typed));
}

Signatures all_keys(const MountedFolder& mount) {
    auto keys = mount.options.keys;
    keys.insert(keys.end(), mount.options.name_keys.begin(), mount.options.name_keys.end());
    return keys;
}

bool is_agent_key(const KeySignature& signature) {
    const auto serial = keyring::request_token(signature);
    const auto payload = serial ? keyring::read_token(*serial) : std::unexpected(serial.error());
    const auto token =
        payload ? wire::parse_auth_token(payload->view()) : std::unexpected(payload.error());
    return token && std::holds_alternative<wire::PrivateKeyToken>(*token);
}

// Removes a key from where the next mount would find it, and from the agent. Gives whether a
// keyring had it.
Result<bool> drop_key(const KeySignature& signature) {
    const bool agent_key = is_agent_key(signature);
    const auto keyrings = TRY(keyring::remove_token(signature));
    if (agent_key) {
        auto agent = AgentClient::connect();
        const auto forgotten =
            agent ? agent->forget_key(signature) : std::unexpected(agent.error());
        if (!forgotten && forgotten.error().code != ErrorCode::kNoBus &&
            forgotten.error().code != ErrorCode::kNoAgent) {
            return std::unexpected(forgotten.error());
        }
    }
    const bool was_folder_key = keyring::drop_hidden_token(signature);
    return was_folder_key || !keyrings.empty();
}

// Whether the mount may use keys of this user. Another user's mount does not: its root folder
// belongs to that user, or cannot be reached. Root also mounts folders of others.
bool may_share_keys(const MountedFolder& mount, uid_t user) {
    struct stat root{};
    if (user == 0) {
        return true;
    }
    if (mount.way == MountWay::kUserSpace) {
        return mount.owner == user;
    }
    return ::stat(mount.upper.c_str(), &root) == 0 ? root.st_uid == user : errno != EACCES;
}

// Removes the mount's keys that no other mount of the user uses. Gives their signatures.
Result<Signatures> drop_unused_keys(const MountedFolder& gone, uid_t user) {
    auto others = TRY(mounted_folders());
    std::erase_if(others, [&](const MountedFolder& other) { return !may_share_keys(other, user); });
    Signatures dropped;
    for (const auto& signature : all_keys(gone)) {
        const bool in_use = std::ranges::any_of(
            others, [&](const MountedFolder& other) { return uses_key(other, signature); });
        const auto was_removed = TRY(in_use ? Result<bool>(false) : drop_key(signature));
        if (was_removed) {
            dropped.push_back(signature);
        }
    }
    return dropped;
}

}  // namespace

void add_options(CLI::App& parser, UnmountOptions& options) {
    add_json(parser, options.json);
    parser.add_option("FOLDER", options.folder, "The upper folder, or the lower one")
        ->type_name("")
        ->required();
    parser.add_flag("--lazy", options.lazy,
                    "Unmount although it is in use: it goes when that ends");
    auto* keep = parser.add_flag("--keep-keys", options.keep_keys, "Leave the keys in the keyring");
    parser
        .add_flag("--unlink-keys", options.unlink_keys,
                  "Remove the keys even if the mount was made without ecryptfs_unlink_sigs")
        ->excludes(keep);
    add_user(parser, options.user);
}

Result<void> run(const UnmountOptions& options) {
    auto session = TRY(start_mount_session(options.user, SessionTask::kUnmount));
    const auto mount = TRY(find_mount(options.folder));
    TRY(unmount_folder(session, mount, options.lazy));
    Signatures dropped;
    if ((mount.options.unlink_keys || options.unlink_keys) && !options.keep_keys) {
        auto done = drop_unused_keys(mount, session.caller.id);
        if (!done) {
            done.error().message = fmt::format("{} is unmounted, but keys were not removed: {}",
                                               mount.upper, done.error().message);
            return std::unexpected(done.error());
        }
        dropped = std::move(*done);
    }
    return options.json ? print(unmounted_json(mount, dropped)) : Result<void>();
}

}  // namespace ecryptfs::cli
