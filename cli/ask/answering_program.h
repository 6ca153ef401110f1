// SPDX-License-Identifier: Apache-2.0
//
// Programs that ask the user for a secret and hand it to us on a pipe.

#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

// Has our terminal and standard error. Waited for when this goes, with its pipes closed.
class AnsweringProgram {
  public:
    // `listens`: its standard input is a pipe from us, and not our own.
    static base::Result<AnsweringProgram> start(const std::vector<std::string>& command,
                                                bool listens);
    AnsweringProgram(AnsweringProgram&& other) noexcept;
    AnsweringProgram& operator=(AnsweringProgram&&) = delete;
    AnsweringProgram(const AnsweringProgram&) = delete;
    AnsweringProgram& operator=(const AnsweringProgram&) = delete;
    ~AnsweringProgram();

    int in() const { return in_.get(); }    // to write to
    int out() const { return out_.get(); }  // to read from

    // Closes the pipes and waits for its end. kNotFound if it could not be run, kCancelled if it
    // says, by its exit status, that there was no answer.
    base::Result<void> finish();

  private:
    AnsweringProgram(std::string name, pid_t pid, base::UniqueFd in, base::UniqueFd out)
        : name_(std::move(name)), pid_(pid), in_(std::move(in)), out_(std::move(out)) {}

    std::string name_;
    pid_t pid_;
    base::UniqueFd in_;
    base::UniqueFd out_;
};

// Speaks Assuan, as libassuan documents it: a line a command; "D " and data, "OK", or "ERR " and
// why.
base::Result<base::SecretBytes> ask_pinentry(const std::string& program, std::string_view question);

// What pinentry sends as data stands for, %0A and the like in it. In place; kMalformed.
base::Result<base::SecretBytes> unescaped_data(base::ByteView data);

}  // namespace ecryptfs::cli
