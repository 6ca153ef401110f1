// SPDX-License-Identifier: Apache-2.0
//
// Text files of what a person types and sees:
//
//     # a comment
//     $ a command line of a shell
//     what it prints, word for word
//     [exit code 8]
//     -- a file --
//     what it holds; such files come last, and are there before the first command
//
// tests/cli/refresh-transcripts writes what the commands print now.

#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/command.h"

namespace ecryptfs::test {

std::vector<std::filesystem::path> transcripts_in(const std::filesystem::path& folder);

// For a test: its letters, digits and underscores.
std::string transcript_name(const std::filesystem::path& file);

// A command's output, and its exit code if that is not 0.
std::string shown(const Outcome& outcome);

// Runs the commands of a file in `folder`, where the file's own files are made, and compares what
// they show. `show` runs one line of a shell.
void expect_transcript(const std::filesystem::path& file, const std::filesystem::path& folder,
                       const std::function<std::string(const std::string& line)>& show);

}  // namespace ecryptfs::test
