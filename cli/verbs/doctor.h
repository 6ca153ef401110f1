// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct DoctorOptions {
    static constexpr VerbText kText{
        "doctor", "Check every link from the kernel to the keys; say how to mend it",
        "ecryptfsctl doctor"};

    pki::HostPaths paths;
    bool json = false;
};

void add_options(CLI::App& parser, DoctorOptions& options);
base::Result<void> run(const DoctorOptions& options);

}  // namespace ecryptfs::cli
