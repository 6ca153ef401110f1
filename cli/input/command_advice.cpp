// SPDX-License-Identifier: Apache-2.0

#include "cli/input/command_advice.h"

#include <fmt/format.h>

#include "cli/input/key_location.h"
#include "lib/base/shell_word.h"

namespace ecryptfs::cli {

std::string add_key_advice(const std::string& locator) {
    return fmt::format("ecryptfsctl add-key {}",
                       locator.empty() ? "FILE-OR-URI" : base::shell_word(display_name(locator)));
}

std::string add_any_key_advice() {
    return "ecryptfsctl add-key FILE-OR-URI, or for a passphrase: ecryptfsctl add-passphrase";
}

std::string decrypt_help_advice() {
    return "ecryptfsctl decrypt --help";
}

}  // namespace ecryptfs::cli
