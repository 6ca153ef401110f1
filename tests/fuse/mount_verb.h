// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/base/error.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {

// ecryptfsctl mount and umount in user space, by an ordinary user: `nobody` where root runs the
// tests. The home has the folders `lower` and `upper`.
class MountVerb : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    // The home, or a file in it.
    std::string path(const std::string& name = "") const;

    // The command line of that user; `inside`: a line of shell that root carries out before, in a
    // mount namespace of the command's own.
    Command users(const Arguments& command, const std::string& inside = "") const;
    Outcome run_as_user(const Arguments& command, const std::string& input = "") const;
    Outcome ctl(const Arguments& arguments, const std::string& input = "") const;
    // ecryptfsctl in a shell that stands in the home: "ecryptfsctl mount lower upper | …".
    Outcome in_shell(const std::string& line, const std::string& inside = "") const;
    Outcome ctl_as_root(const Arguments& arguments, const Environment& more = {}) const;

    // Puts the keys of a passphrase into the session's keyring; gives the signatures of contents
    // and names.
    std::pair<std::string, std::string> add_passphrase(const std::string& passphrase) const;

    // Must succeed without a word.
    void expect_done(const Outcome& outcome) const;
    void write(const std::string& name, const std::string& content) const;
    std::string read(const std::string& name) const;  // what the user reads in `upper`

    // The line of /proc/self/mountinfo; empty if nothing is mounted there.
    static std::string mount_line(const std::string& upper);
    bool is_mounted() const { return !mount_line(path("upper")).empty(); }
    // Of the program that serves `upper`.
    pid_t server() const;

    const uid_t user_;

    MountVerb();

  private:
    TemporaryFolder folder_;
};

// "ecryptfsctl: what is wrong\ntry: what to do\n"
void expect_refusal(const Outcome& outcome, base::ErrorCode code, const std::string& what,
                    const std::string& advice);

// Whether root runs the tests. If not, some tests do without.
bool is_run_by_root();

}  // namespace ecryptfs::test
