// SPDX-License-Identifier: Apache-2.0
//
// Finds a secret: in the file that an option names, or else by asking.

#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/ask/secret_file.h"
#include "lib/base/error.h"
#include "lib/base/sealed_memfd.h"
#include "lib/base/secret_bytes.h"
#include "lib/pki/client/key_location.h"

namespace ecryptfs::cli {

inline constexpr char kMountQuestion[] = "Mount passphrase: ";
inline constexpr char kWrappingQuestion[] = "Wrapping passphrase: ";

// How a passphrase is found.
struct PassphraseInput {
    std::optional<std::string> file;  // its first line; "-" is standard input. None: ask
    std::string_view question;
    std::string_view option;  // names the file; for the advice where nobody can be asked
};

// kSecretRequired where nobody can be asked, kInvalidArgument for an empty line.
base::Result<base::SecretBytes> read_passphrase(const PassphraseInput& input);

// The same for a passphrase that nothing can be checked against: it is typed twice.
base::Result<base::SecretBytes> read_new_passphrase(const PassphraseInput& input);

// kInvalidArgument if "-" is more than one of these files: only its first line is read, and the
// rest of a pipe is lost then.
base::Result<void> check_standard_input_once(std::span<const std::optional<std::string>> files);

// Where the secret of a private key comes from.
struct KeySecretInput {
    std::optional<std::string> file;  // "-" is standard input. None: ask if the key needs a secret
    pki::KeyLocation key;             // for the question
};

// The secret in the file, which must be given.
base::Result<base::SecretBytes> read_key_secret(const KeySecretInput& input);

// "Passphrase for /home/ada/key.pem: ", or its PIN.
std::string key_question(const pki::KeyLocation& key);

// Calls `open` with the key's secret. With a file: once. Without: first with no secret, and if that
// gives kSecretRequired, once more with what the user types. Never more often: smart cards lock
// themselves after a few wrong PINs.
base::Result<void> open_with_secret(
    const KeySecretInput& input,
    const std::function<base::Result<void>(const base::SealedMemfd&)>& open);

}  // namespace ecryptfs::cli
