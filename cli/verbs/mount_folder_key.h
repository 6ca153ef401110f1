// SPDX-License-Identifier: Apache-2.0
//
// A folder key that is given to `mount`, or that it remembers.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/folder_key/answers.h"
#include "cli/mount/plan.h"
#include "cli/verbs/options.h"
#include "lib/base/error.h"
#include "lib/base/sealed_memfd.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::cli {

struct FolderKeyOptions {
    OptionalText file;
    AnswerFiles answers;
    pki::HostPaths paths;
};

void add_folder_key(CLI::App& parser, FolderKeyOptions& options, bool& plain_names);

// What its file says without being opened. Nothing if none is given.
base::Result<std::optional<FolderKeyChoice>> read_folder_key_choice(
    const FolderKeyOptions& options);

// The keys of a plan with a folder key, where its mount finds them: for the kernel in the user
// keyring, and for ecryptfs-fuse in a memfd.
class OpenFolderKeyForMount {
  public:
    // Opens the plan's folder key, unless the kernel has its keys already; fills in the plan's
    // given keys. kUnknownKey if the plan wants other keys than the file has.
    static base::Result<OpenFolderKeyForMount> open(const FolderKeyOptions& options,
                                                    MountPlan& plan);
    OpenFolderKeyForMount(OpenFolderKeyForMount&& other) noexcept = default;
    OpenFolderKeyForMount& operator=(OpenFolderKeyForMount&&) = delete;
    OpenFolderKeyForMount(const OpenFolderKeyForMount&) = delete;
    OpenFolderKeyForMount& operator=(const OpenFolderKeyForMount&) = delete;
    // Takes out of the keyring what open() put there.
    ~OpenFolderKeyForMount();

    // Null for a mount by the kernel.
    std::shared_ptr<const base::SealedMemfd> take_keys() { return std::move(keys_); }
    // The mount succeeded: what is in the keyring stays.
    void keep() { loaded_.clear(); }

  private:
    OpenFolderKeyForMount() = default;

    std::shared_ptr<const base::SealedMemfd> keys_;
    std::vector<wire::KeySignature> loaded_;
};

}  // namespace ecryptfs::cli
