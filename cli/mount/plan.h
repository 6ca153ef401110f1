// SPDX-License-Identifier: Apache-2.0
//
// Plans a mount from the user's choices, from what is remembered about the folder and from the
// files of ecryptfs-utils. Checks the plan before the kernel is asked.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/mount/caller.h"
#include "cli/mount/mounted_folder.h"
#include "cli/mount/remembered_folder.h"

namespace ecryptfs::cli {

// The keys of a folder, in a file of their own.
struct FolderKeyChoice {
    std::string path;  // absolute
    wire::KeySignature contents;
    wire::KeySignature names;
};

// How the user wants to mount a lower folder. What is absent is as it is remembered.
struct MountChoices {
    std::string lower;
    std::optional<std::string> upper = {};
    std::vector<std::string> keys = {};      // signatures
    std::vector<std::string> recovery = {};  // of keys that open every new file too
    std::optional<std::string> fnek = {};
    std::optional<std::string> cipher = {};
    std::optional<unsigned> key_bytes = {};
    bool xattr = false;
    bool passthrough = false;
    bool encrypted_view = false;
    bool read_only = false;
    bool plain_names = false;  // although there is a key for names
    bool keep_keys = false;    // when it is unmounted
    bool fresh = false;        // uses nothing that is remembered
    MountWay way = MountWay::kUserSpace;
    std::optional<wire::KeySignature> passphrase_key = {};  // where nothing else names a key
    std::optional<FolderKeyChoice> folder_key = {};
};

// MountPlan::keys_source of a key that nothing names but the passphrase that is given.
inline constexpr std::string_view kPassphraseSource = "passphrase";

struct MountPlan {
    RememberedFolder folder;  // what will be remembered of it
    bool read_only = false;
    bool encrypted_view = false;
    // "arguments", "memory", "passphrase", "folder-key", or ecryptfs-utils' file
    std::string keys_source = {};
    std::vector<wire::KeySignature> given_keys = {};  // that the mount need not look for
    bool is_known = false;                            // mounted before, with these keys and options

    // The options of the mount itself.
    FolderOptions options() const;
};

// kInvalidArgument for choices that make no sense, kNotFound for folders that do not exist,
// kUnknownKey if nothing says which keys to use. `remembered_folders` is the path of that file. The
// upper folder of a remembered one may stand alone in place of the lower one.
base::Result<MountPlan> plan_mount(const MountChoices& choices, const Caller& caller,
                                   const std::string& remembered_folders);

// Problems found by the checks. With `force`, those that the kernel tolerates become warnings.
class CheckFindings {
  public:
    explicit CheckFindings(bool force) : force_(force) {}

    // Success if the user forces the mount.
    base::Result<void> add_problem(base::Error error);
    void add_warning(std::string text) { warnings_.push_back(std::move(text)); }
    const std::vector<std::string>& warnings() const { return warnings_; }

  private:
    bool force_;
    std::vector<std::string> warnings_;
};

// Checks that the mount finds every key, that the key for names is a passphrase's, and that the
// agent can use the private keys. Fills in the plan's locators.
base::Result<void> check_keys(MountPlan& plan, CheckFindings& findings);

// Checks a sample of the lower folder's files and names against these keys and options.
base::Result<void> check_contents(const MountPlan& plan, CheckFindings& findings);

// The error for an upper folder that is not empty.
base::Error not_empty(const std::string& upper);

// Checks that the mount hides no files. If the folder was not mounted like this before, also calls
// check_contents().
base::Result<void> check_folders(const MountPlan& plan, CheckFindings& findings);

}  // namespace ecryptfs::cli
