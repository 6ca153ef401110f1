// SPDX-License-Identifier: Apache-2.0
//
// Whom secrets are asked of: the terminal on standard input, or the program that --askpass names.

#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

// From now on for all questions. A name or a path: of a pinentry, which is spoken to in its own
// protocol, or of a program that gets the question as its argument and prints the answer, as
// ssh-askpass and systemd-ask-password do.
void ask_by(std::string program);

// Whether there is a terminal, or a program.
bool somebody_to_ask();

// " FILE, …" completed for an error's advice where there is nobody to ask: what else to do.
std::string non_interactive_advice(std::string_view option);

// Asks. kCancelled if there was to be no answer, kSecretRequired for an empty one; kNotFound for a
// program that is not there, kModuleFailed for one that fails.
base::Result<base::SecretBytes> ask(std::string_view question);

}  // namespace ecryptfs::cli
