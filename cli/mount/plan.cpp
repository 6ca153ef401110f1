// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "cli/files/file_error.h"
#include "cli/input/typed_signature.h"
#include "cli/mount/utils_files.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"
#include "lib/wire/cipher.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;
using Signatures = std::vector<KeySignature>;

Error folder_error(const std::string& typed, std::error_code failed) {
    auto error = file_error(typed, failed.value());
    if (failed == std::errc::no_such_file_or_directory) {
        error.advice = fmt::format("make it: mkdir -p {}", base::shell_word(typed));
    } else if (failed == std::errc::not_connected) {
        error.advice = fmt::format("the program that mounted it has ended: ecryptfsctl umount {}",
                                   base::shell_word(typed));
    }
    return error;
}

Result<std::string> existing_folder(const std::string& typed) {
    std::error_code failed;
    const auto path = fs::canonical(typed, failed);
    const bool is_folder = !failed && fs::is_directory(path, failed);
    if (failed) {
        return std::unexpected(folder_error(typed, failed));
    }
    if (!is_folder) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("{} is not a directory", typed),
                                     "mount a folder on a folder: ecryptfsctl mount LOWER UPPER"});
    }
    return path.string();
}

Result<Signatures> typed_signatures(const std::vector<std::string>& typed) {
    Signatures signatures;
    for (const auto& text : typed) {
        const auto signature = TRY(typed_signature(text));
        if (std::ranges::find(signatures, signature) != signatures.end()) {
            return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                         fmt::format("{} is given twice", signature.text()),
                                         "name another key"});
        }
        signatures.push_back(signature);
    }
    return signatures;
}

// The lower folder that is meant. One that is typed alone may be a remembered upper one.
Result<std::string> choose_lower(const MountChoices& choices,
                                 const std::string& remembered_folders) {
    auto typed = TRY(existing_folder(choices.lower));
    if (choices.upper || choices.fresh) {
        return typed;
    }
    const auto as_lower = TRY(remembered_folder(remembered_folders, typed));
    const auto as_upper = TRY(remembered_upper_folder(remembered_folders, typed));
    return !as_lower && as_upper ? existing_folder(as_upper->lower) : typed;
}

// What is known about a folder before anything was typed.
struct Known {
    RememberedFolder folder;
    std::string source;
    bool remembered = false;
};

Result<Known> find_known(const std::string& lower, const Caller& caller,
                         const std::string& remembered_folders) {
    auto remembered = TRY(remembered_folder(remembered_folders, lower));
    if (remembered) {
        return Known{std::move(*remembered), "memory", true};
    }
    const auto folder = TRY(utils_folder(caller.home, lower));
    if (folder) {
        const auto& found = *folder;
        return Known{{.lower = lower, .upper = found.upper, .options = found.options},
                     "~/.ecryptfs"};
    }
    const auto general = TRY(utils_options(caller.home));
    return Known{{.lower = lower, .options = general.value_or(FolderOptions{})},
                 general ? "~/.ecryptfsrc" : ""};
}

bool has_all(const Signatures& all, const Signatures& some) {
    return std::ranges::all_of(some, [&](const auto& signature) {
        return std::ranges::find(all, signature) != all.end();
    });
}

// Whether a mount before had the same options, as far as they decide which files open, and under
// which names they are looked up.
bool matches_mount(const FolderOptions& before, const FolderOptions& now) {
    return has_all(now.keys, before.keys) && now.name_keys == before.name_keys &&
           now.cipher == before.cipher && now.key_bytes == before.key_bytes &&
           now.xattr == before.xattr;
}

// What was typed takes the place of what is known.
Result<void> take_keys(const MountChoices& choices, MountPlan& plan) {
    const auto keys = typed_signatures(choices.keys);
    const auto recovery = typed_signatures(choices.recovery);
    const auto names =
        typed_signatures(choices.fnek ? std::vector{*choices.fnek} : std::vector<std::string>{});
    for (const auto* typed : {&keys, &recovery, &names}) {
        if (!*typed) {
            return std::unexpected(typed->error());
        }
    }
    auto& folder = plan.folder;
    auto& all = folder.options.keys;
    if (!keys->empty()) {
        plan.keys_source = "arguments";
        all = *keys;
    } else {
        std::erase_if(all, [&](const auto& key) {
            return std::ranges::find(folder.recovery, key) != folder.recovery.end();
        });
    }
    if (!recovery->empty()) {
        folder.recovery = *recovery;
    }
    for (const auto& key : folder.recovery) {
        if (std::ranges::find(all, key) != all.end()) {
            return std::unexpected(
                Error{ErrorCode::kInvalidArgument,
                      fmt::format("{} is the key and the recovery key", key.text()),
                      "name another key as the second way to the files"});
        }
    }
    all.insert(all.end(), folder.recovery.begin(), folder.recovery.end());
    if (!names->empty()) {
        folder.options.name_keys = *names;
    }
    return {};
}

// Its keys take the place of those that are known, but not of recovery keys.
Result<void> take_folder_key(const MountChoices& choices, MountPlan& plan) {
    auto& folder = plan.folder;
    if (!choices.folder_key) {
        if (!choices.keys.empty()) {
            folder.folder_key.clear();
        }
        return {};
    }
    if (!choices.keys.empty() || choices.fnek) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "--folder-key brings the keys for contents and names",
                                     "leave --key and --fnek out; --recovery names more keys"});
    }
    const auto& chosen = *choices.folder_key;
    folder.folder_key = chosen.path;
    folder.options.keys = {chosen.contents};
    folder.options.keys.insert(folder.options.keys.end(), folder.recovery.begin(),
                               folder.recovery.end());
    folder.options.name_keys = choices.plain_names ? Signatures() : Signatures{chosen.names};
    plan.keys_source = "folder-key";
    return {};
}

Result<void> take_cipher(const MountChoices& choices, FolderOptions& options) {
    if (choices.cipher) {
        options.cipher = *choices.cipher;
        const auto sizes = wire::key_sizes(*choices.cipher);
        if (!sizes.empty() && std::ranges::find(sizes, options.key_bytes) == sizes.end()) {
            options.key_bytes = sizes.front();
        }
    }
    options.key_bytes = choices.key_bytes.value_or(options.key_bytes);
    const auto sizes = wire::key_sizes(options.cipher);
    if (sizes.empty()) {
        return std::unexpected(Error{
            ErrorCode::kInvalidArgument, fmt::format("eCryptfs has no cipher {}", options.cipher),
            fmt::format("one of {}", fmt::join(wire::cipher_names(), ", "))});
    }
    if (std::ranges::find(sizes, options.key_bytes) == sizes.end()) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("{} has no keys of {} bytes", options.cipher, options.key_bytes),
                  fmt::format("--key-bytes {}", fmt::join(sizes, ", "))});
    }
    return {};
}

Error no_keys(const std::string& lower, const Caller& caller) {
    std::vector<std::string_view> used;
    const auto signatures = utils_signatures(caller.home);
    std::ranges::transform(signatures, std::back_inserter(used), &KeySignature::text);
    return {ErrorCode::kUnknownKey,
            used.empty() ? fmt::format("nothing says which key {} is for", lower)
                         : fmt::format("nothing says which key {} is for; used before were: {}",
                                       lower, fmt::join(used, ", ")),
            fmt::format("name it with --key; which open its files: ecryptfsctl inspect {}",
                        base::shell_word(lower))};
}

Result<std::string> choose_upper(const MountChoices& choices, const Known& known) {
    const auto upper = choices.upper.value_or(known.folder.upper);
    if (upper.empty()) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("nothing says where {} is mounted", choices.lower),
                  fmt::format("ecryptfsctl mount {} UPPER", base::shell_word(choices.lower))});
    }
    return existing_folder(upper);
}

}  // namespace

FolderOptions MountPlan::options() const {
    auto all = folder.options;
    all.read_only = read_only;
    all.encrypted_view = encrypted_view;
    if (encrypted_view) {
        // The kernel would list names as they are, and encrypt those once more that it looks up.
        all.name_keys.clear();
    }
    return all;
}

Result<MountPlan> plan_mount(const MountChoices& choices, const Caller& caller,
                             const std::string& remembered_folders) {
    const auto lower = TRY(choose_lower(choices, remembered_folders));
    auto known = TRY(choices.fresh ? Known{{.lower = lower}, ""}
                                   : find_known(lower, caller, remembered_folders));
    const auto upper = TRY(choose_upper(choices, known));
    const auto before = known.folder.options;
    const bool is_same_way = known.folder.way == choices.way;
    MountPlan plan{std::move(known.folder), choices.read_only || before.read_only,
                   choices.encrypted_view || before.encrypted_view, std::move(known.source)};
    plan.folder.lower = lower;
    plan.folder.upper = upper;
    plan.folder.way = choices.way;
    TRY(take_keys(choices, plan));
    auto& options = plan.folder.options;
    TRY(take_cipher(choices, options));
    TRY(take_folder_key(choices, plan));
    if (options.keys.empty() && choices.passphrase_key) {
        options.keys = {*choices.passphrase_key};
        plan.keys_source = kPassphraseSource;
    }
    if (options.keys.empty()) {
        return std::unexpected(no_keys(lower, caller));
    }
    options.xattr |= choices.xattr;
    options.passthrough |= choices.passthrough;
    options.unlink_keys = !choices.keep_keys && options.unlink_keys;
    plan.is_known = known.remembered && is_same_way && matches_mount(before, options);
    return plan;
}

Result<void> CheckFindings::add_problem(Error error) {
    if (!force_) {
        error.advice += error.advice.empty() ? "--force, if it is meant so" : "; or --force";
        return std::unexpected(std::move(error));
    }
    warnings_.push_back(std::move(error.message));
    return {};
}

}  // namespace ecryptfs::cli
