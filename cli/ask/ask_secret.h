// SPDX-License-Identifier: Apache-2.0
//
// Asks a person for a secret: on the terminal of standard input, or by the program of --askpass.

#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

// Sends all later questions to this program: a name or a path. A pinentry is asked by its own
// protocol. Any other program gets the question as its argument and prints the answer, as
// ssh-askpass and systemd-ask-password do.
void use_askpass(std::string program);

// Whether there is a terminal, or a program.
bool can_ask();

// The advice where nobody can be asked: how else to give the secret. `option` names a file.
std::string non_interactive_advice(std::string_view option);

// kCancelled for a refusal, kSecretRequired for an empty answer; kNotFound for a program that
// does not exist, kModuleFailed for one that fails.
base::Result<base::SecretBytes> ask_secret(std::string_view question);

// Asks once more for what was typed. kInvalidArgument if the answer differs.
base::Result<void> confirm_secret(const base::SecretBytes& typed, std::string_view question);

// Asks twice, likewise.
base::Result<base::SecretBytes> ask_new_secret(std::string_view question);

}  // namespace ecryptfs::cli
