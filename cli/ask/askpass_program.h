// SPDX-License-Identifier: Apache-2.0
//
// A program that asks the user for a secret and hands it to us on a pipe.

#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {

// The program shares our terminal and standard error. The destructor closes the pipes and waits for
// its end.
class AskpassProgram {
  public:
    // `listens`: its standard input is a pipe from us, instead of our own standard input.
    static base::Result<AskpassProgram> start(const std::vector<std::string>& command,
                                              bool listens);
    AskpassProgram(AskpassProgram&& other) noexcept;
    AskpassProgram& operator=(AskpassProgram&&) = delete;
    AskpassProgram(const AskpassProgram&) = delete;
    AskpassProgram& operator=(const AskpassProgram&) = delete;
    ~AskpassProgram();

    int in() const { return in_.get(); }    // to write to
    int out() const { return out_.get(); }  // to read from

    // Closes the pipes and waits for its end. kNotFound if it could not be run, kCancelled if it
    // says, by its exit status, that there was no answer.
    base::Result<void> finish();

  private:
    AskpassProgram(std::string name, pid_t pid, base::UniqueFd in, base::UniqueFd out)
        : name_(std::move(name)), pid_(pid), in_(std::move(in)), out_(std::move(out)) {}

    std::string name_;
    pid_t pid_;
    base::UniqueFd in_;
    base::UniqueFd out_;
};

}  // namespace ecryptfs::cli
