// SPDX-License-Identifier: Apache-2.0
//
// What `mount` is going to do: put together from what was typed, what is remembered of the folder,
// and what ecryptfs-utils has; and checked, before the kernel is asked.

#pragma once

#include <string>
#include <vector>

#include "cli/mount/caller.h"
#include "cli/mount/mounted_folder.h"
#include "cli/mount/remembered_folder.h"
#include "cli/verbs/verbs.h"

namespace ecryptfs::cli {

struct MountPlan {
    RememberedFolder folder;  // what will be remembered of it
    bool read_only = false;
    bool encrypted_view = false;
    std::string keys_from = {};  // "arguments", "memory", or the file of ecryptfs-utils
    bool is_known = false;       // mounted before, with these keys and options

    // What is mounted with.
    FolderOptions options() const;
};

// kInvalidArgument for what cannot be typed so, kNotFound for folders that are not there,
// kUnknownKey if nothing says which keys. `memory` is the path of the file with what is remembered.
base::Result<MountPlan> plan_mount(const Mount& command, const Caller& caller,
                                   const std::string& memory);

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

// The kernel finds every key, the key for names is a passphrase's, and the agent can use those
// that are private. Fills in the plan's locators.
base::Result<void> check_keys(MountPlan& plan, CheckFindings& findings);

// Checks a sample of the lower folder's files and names against these keys and options.
base::Result<void> check_contents(const MountPlan& plan, CheckFindings& findings);

// What is said of an upper folder with something in it.
base::Error not_empty(const std::string& upper);

// Nothing is hidden, and where it was not mounted so before, check_contents().
base::Result<void> check_folders(const MountPlan& plan, CheckFindings& findings);

}  // namespace ecryptfs::cli
