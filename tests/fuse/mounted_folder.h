// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {

// The keys of a passphrase, in the session's keyring: for contents and for names.
struct PassphraseTokens {
    std::string contents;
    std::string names;
};
PassphraseTokens add_passphrase_tokens(std::string_view passphrase);

// "ecryptfs_sig=…,ecryptfs_fnek_sig=…"
std::string mount_options(const PassphraseTokens& tokens, bool with_names = true);

// A lower folder that ecryptfs-fuse has mounted.
class MountedFolder {
  public:
    // `environment` has the bus of the agent, if there is one.
    MountedFolder(const std::filesystem::path& lower, const std::string& options,
                  Environment environment = {});
    // Fails the test if the program does not end well.
    ~MountedFolder();
    MountedFolder(const MountedFolder&) = delete;
    MountedFolder& operator=(const MountedFolder&) = delete;

    const std::filesystem::path& path() const { return upper_.path(); }
    pid_t pid() const { return process_->pid(); }
    // Whether it ends by itself, and well.
    bool ended();
    // Unmounts and mounts it again: nothing is cached any more.
    void mount_anew();
    // Ends the program as nothing else does. Any thread.
    void kill() const;
    // Once what it left is unmounted.
    void mount_after_death();

  private:
    void mount();
    void unmount();

    std::filesystem::path lower_;
    std::string options_;
    Environment environment_;
    TemporaryFolder upper_;
    std::optional<Process> process_;
    bool has_ended_ = false;
};

// Runs ecryptfs-fuse to its end, in the background if it mounts.
Outcome run_fuse(const Arguments& arguments);

}  // namespace ecryptfs::test
