// SPDX-License-Identifier: Apache-2.0

#include <exception>
#include <string>
#include <vector>

#include "cli/output/output.h"
#include "cli/verbs/command_line.h"
#include "lib/base/process.h"

int main(int argc, char** argv) {
    using namespace ecryptfs;
    try {
        if (const auto forbidden = base::forbid_dumps(); !forbidden) {
            cli::report(forbidden.error());
            return base::traits(forbidden.error().code).status;
        }
        return cli::run_command_line(std::vector<std::string>(argv + (argc > 0), argv + argc));
    } catch (const std::exception& unexpected) {
        cli::report({base::ErrorCode::kInternal, unexpected.what()});
        return base::traits(base::ErrorCode::kInternal).status;
    }
}
