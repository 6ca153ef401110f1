// SPDX-License-Identifier: Apache-2.0

#include "cli/ask/opening.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/ask/asking.h"
#include "cli/ask/secret_input.h"
#include "cli/output/output.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;
constexpr char kInputInWords[] = "standard input";

using Open = std::function<Result<void>(const base::SealedMemfd&)>;

Result<void> open_once(base::ByteView secret, const Open& open) {
    const auto memfd = TRY(base::SealedMemfd::create(secret));
    return open(memfd);
}

Result<void> open_with_file(const SecretSource& source, const Open& open) {
    const auto secret = TRY(secret_from_file(source));
    auto opened = open_once(secret.view(), open);
    if (!opened && opened.error().code == ErrorCode::kSecretRequired && secret.empty()) {
        opened.error().message += ", and the first line of the passphrase file is empty";
    }
    return opened;
}

}  // namespace

Result<base::SecretBytes> secret_from(const std::string& file, std::string_view question,
                                      SecretKind kind) {
    const bool from_input = file == "-";
    if (from_input && ::isatty(STDIN_FILENO) != 0) {
        return ask(question);
    }
    auto read =
        TRY(from_input ? read_secret_line(STDIN_FILENO, kInputInWords) : read_secret_file(file));
    if (read.exposure) {
        warn(*read.exposure);
    }
    TRY(check_meant(read, from_input ? kInputInWords : file, kind));
    return std::move(read.secret);
}

Result<base::SecretBytes> secret_from_file(const SecretSource& source) {
    return secret_from(source.passphrase_file, question_for(source.key), kind_of(source.key));
}

SecretKind kind_of(const pki::KeyLocation& key) {
    return key.module == "openssl" ? SecretKind::kPassphrase : SecretKind::kPin;
}

std::string question_for(const pki::KeyLocation& key) {
    return fmt::format("{} for {}: ", kind_of(key) == SecretKind::kPin ? "PIN" : "Passphrase",
                       printable(display_name(key.locator)));
}

Result<void> open_with_secret(const SecretSource& source, const Open& open) {
    if (!source.passphrase_file.empty()) {
        return open_with_file(source, open);
    }
    auto opened = open_once({}, open);
    if (opened || opened.error().code != ErrorCode::kSecretRequired) {
        return opened;
    }
    if (!somebody_to_ask()) {
        opened.error().message += ", and there is no terminal to ask for it";
        opened.error().advice = non_interactive_advice("--passphrase-file");
        return opened;
    }
    const auto typed = TRY(ask(question_for(source.key)));
    return open_once(typed.view(), open);
}

}  // namespace ecryptfs::cli
