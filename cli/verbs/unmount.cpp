// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <ranges>

#include "cli/agent/client.h"
#include "cli/mount/call.h"
#include "cli/mount/json.h"
#include "cli/mount/mounted_folder.h"
#include "cli/output/output.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"
#include "lib/keyring/keyrings.h"
#include "lib/keyring/token_writer.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;
using Signatures = std::vector<KeySignature>;

// The last one: it hides what was mounted on the same folder before.
Result<MountedFolder> find_mount(const std::string& typed) {
    const auto mounts = TRY(mounted_folders());
    std::error_code none_there;
    const auto canonical = std::filesystem::weakly_canonical(typed, none_there).string();
    for (const auto member : {&MountedFolder::upper, &MountedFolder::lower}) {
        for (const auto& mount : std::views::reverse(mounts)) {
            if (mount.*member == canonical) {
                return mount;
            }
        }
    }
    return std::unexpected(Error{ErrorCode::kNotFound,
                                 fmt::format("no eCryptfs is mounted on {}", typed),
                                 "see what is: ecryptfsctl status"});
}

Signatures all_keys(const MountedFolder& mount) {
    auto keys = mount.options.keys;
    keys.insert(keys.end(), mount.options.name_keys.begin(), mount.options.name_keys.end());
    return keys;
}

bool is_of_agent(const KeySignature& signature) {
    const auto serial = keyring::request_token(signature);
    const auto payload = serial ? keyring::read_token(*serial) : std::unexpected(serial.error());
    const auto token =
        payload ? wire::parse_auth_token(payload->view()) : std::unexpected(payload.error());
    return token && std::holds_alternative<wire::PrivateKeyToken>(*token);
}

// Takes a key away from where the next mount would find it, and from the agent. Whether it was
// there.
Result<bool> drop_key(const KeySignature& signature) {
    const bool of_agent = is_of_agent(signature);
    const auto keyrings = TRY(keyring::remove_token(signature));
    if (of_agent) {
        auto agent = AgentClient::connect();
        const auto forgotten =
            agent ? agent->forget_key(signature) : std::unexpected(agent.error());
        if (!forgotten && forgotten.error().code != ErrorCode::kNoBus &&
            forgotten.error().code != ErrorCode::kNoAgent) {
            return std::unexpected(forgotten.error());
        }
    }
    return !keyrings.empty();
}

// Whether keys of this user can be what the mount's are: not for another user's mount, which is
// known by its root or cannot be reached. Root mounts folders of others, too.
bool can_have_keys_of(const MountedFolder& mount, uid_t user) {
    struct stat root{};
    if (user == 0) {
        return true;
    }
    return ::stat(mount.upper.c_str(), &root) == 0 ? root.st_uid == user : errno != EACCES;
}

// Those of the mount's keys that no other mount of the user uses.
Result<Signatures> drop_unused_keys(const MountedFolder& gone, uid_t user) {
    auto others = TRY(mounted_folders());
    std::erase_if(others,
                  [&](const MountedFolder& other) { return !can_have_keys_of(other, user); });
    Signatures dropped;
    for (const auto& signature : all_keys(gone)) {
        const bool in_use = std::ranges::any_of(
            others, [&](const MountedFolder& other) { return uses_key(other, signature); });
        const auto replaced_old = TRY(in_use ? Result<bool>(false) : drop_key(signature));
        if (replaced_old) {
            dropped.push_back(signature);
        }
    }
    return dropped;
}

}  // namespace

Result<void> run(const Unmount& command) {
    auto session = TRY(start_mount_session(command.user, SessionTask::kUnmount));
    const auto mount = TRY(find_mount(command.folder));
    TRY(unmount_folder(session, mount, command.lazy));
    Signatures dropped;
    if ((mount.options.unlink_keys || command.unlink_keys) && !command.keep_keys) {
        auto done = drop_unused_keys(mount, session.caller.id);
        if (!done) {
            done.error().message = fmt::format("{} is unmounted, but keys were not taken away: {}",
                                               mount.upper, done.error().message);
            return std::unexpected(done.error());
        }
        dropped = std::move(*done);
    }
    return command.json ? print(unmounted_json(mount, dropped)) : Result<void>();
}

}  // namespace ecryptfs::cli
