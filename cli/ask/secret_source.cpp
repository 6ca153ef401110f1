// SPDX-License-Identifier: Apache-2.0

#include "cli/ask/secret_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/ask/ask_secret.h"
#include "cli/input/key_location.h"
#include "cli/output/output.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using Ask = Result<SecretBytes> (*)(std::string_view question);
using Open = std::function<Result<void>(const base::SealedMemfd&)>;

constexpr char kInputInWords[] = "standard input";

// The first line of a file. Standard input ("-") is asked if it is a terminal. Warns about a file
// that others can read. kInvalidArgument for a secret that nobody can mean.
Result<SecretBytes> read_secret(const std::string& file, std::string_view question,
                                SecretKind kind) {
    const bool from_input = file == "-";
    if (from_input && ::isatty(STDIN_FILENO) != 0) {
        return ask_secret(question);
    }
    auto read =
        TRY(from_input ? read_secret_line(STDIN_FILENO, kInputInWords) : read_secret_file(file));
    if (read.exposure) {
        warn(*read.exposure);
    }
    TRY(check_secret_form(read, from_input ? kInputInWords : file, kind));
    return std::move(read.secret);
}

Result<SecretBytes> read_or_ask(Ask ask_person, const PassphraseInput& input) {
    if (!input.file && !can_ask()) {
        return std::unexpected(Error{ErrorCode::kSecretRequired,
                                     "there is no terminal to ask for the passphrase",
                                     non_interactive_advice(input.option)});
    }
    if (!input.file) {
        return ask_person(input.question);
    }
    auto read = read_secret(*input.file, input.question, SecretKind::kPassphrase);
    if (read && read->empty()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("the first line of {} is empty",
                                                 *input.file == "-" ? kInputInWords : *input.file),
                                     "put the passphrase on it"});
    }
    return read;
}

SecretKind key_secret_kind(const pki::KeyLocation& key) {
    return key.module == "openssl" ? SecretKind::kPassphrase : SecretKind::kPin;
}

Result<void> open_once(base::ByteView secret, const Open& open) {
    const auto memfd = TRY(base::SealedMemfd::create(secret));
    return open(memfd);
}

Result<void> open_with_file(const KeySecretInput& input, const Open& open) {
    const auto secret = TRY(read_key_secret(input));
    auto opened = open_once(secret.view(), open);
    if (!opened && opened.error().code == ErrorCode::kSecretRequired && secret.empty()) {
        opened.error().message += ", and the first line of the passphrase file is empty";
    }
    return opened;
}

}  // namespace

Result<SecretBytes> read_passphrase(const PassphraseInput& input) {
    return read_or_ask(ask_secret, input);
}

Result<SecretBytes> read_new_passphrase(const PassphraseInput& input) {
    return read_or_ask(ask_new_secret, input);
}

Result<void> check_standard_input_once(std::span<const std::optional<std::string>> files) {
    if (std::ranges::count(files, std::optional<std::string>("-")) > 1) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "standard input can hold only one of the passphrases",
                                     "put the other passphrase into a file, or type it"});
    }
    return {};
}

Result<SecretBytes> read_key_secret(const KeySecretInput& input) {
    return read_secret(input.file.value(), key_question(input.key), key_secret_kind(input.key));
}

std::string key_question(const pki::KeyLocation& key) {
    return fmt::format(
        "{} for {}: ", key_secret_kind(key) == SecretKind::kPin ? "PIN" : "Passphrase",
        printable(display_name(key.locator)));
}

Result<void> open_with_secret(const KeySecretInput& input, const Open& open) {
    if (input.file) {
        return open_with_file(input, open);
    }
    auto opened = open_once({}, open);
    if (opened || opened.error().code != ErrorCode::kSecretRequired) {
        return opened;
    }
    if (!can_ask()) {
        opened.error().message += ", and there is no terminal to ask for it";
        opened.error().advice = non_interactive_advice("--passphrase-file");
        return opened;
    }
    const auto typed = TRY(ask_secret(key_question(input.key)));
    return open_once(typed.view(), open);
}

}  // namespace ecryptfs::cli
