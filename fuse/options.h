// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <expected>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/mount/folder_options.h"

namespace ecryptfs::fuse {

struct Options {
    std::string lower;
    std::string upper;
    mount::FolderOptions folder;
    std::vector<std::string> fuse;  // what FUSE and mount(8) know
    bool keys_on_stdin = false;     // see fuse/given_keys.h
    bool foreground = false;
};

// The options, or the exit code when there is nothing to do but exit (--help, --version, or an
// error, which has been printed).
std::expected<Options, int> parse_options(int argc, char** argv);

// Prints it with its advice; gives the exit code.
int report(const base::Error& error);

}  // namespace ecryptfs::fuse
