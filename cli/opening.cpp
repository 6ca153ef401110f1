// SPDX-License-Identifier: Apache-2.0

#include "cli/opening.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/asking.h"
#include "cli/output.h"
#include "cli/secret_input.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;
using Open = std::function<Result<void>(const base::SealedMemfd&)>;

Result<void> open_once(base::ByteView secret, const Open& open) {
    const auto memfd = base::SealedMemfd::create(secret);
    if (!memfd) {
        return std::unexpected(memfd.error());
    }
    return open(*memfd);
}

Result<FileSecret> read_passphrase(const std::string& file, std::string_view question) {
    if (file != "-") {
        return read_secret_file(file);
    }
    if (::isatty(STDIN_FILENO) == 0) {
        return read_secret_line(STDIN_FILENO, "standard input");
    }
    auto typed = ask(question);
    if (!typed) {
        return std::unexpected(typed.error());
    }
    return FileSecret{.secret = std::move(*typed)};
}

Result<void> open_with_file(const SecretSource& source, const Open& open) {
    const auto secret = secret_from_file(source);
    if (!secret) {
        return std::unexpected(secret.error());
    }
    auto opened = open_once(secret->view(), open);
    if (!opened && opened.error().code == ErrorCode::kSecretRequired && secret->empty()) {
        opened.error().message += ", and the first line of the passphrase file is empty";
    }
    return opened;
}

}  // namespace

Result<base::SecretBytes> secret_from(const std::string& file, std::string_view question) {
    auto read = read_passphrase(file, question);
    if (!read) {
        return std::unexpected(std::move(read.error()));
    }
    if (read->others_can_read) {
        warn(fmt::format("others can read {}: chmod 600 it", file));
    }
    return std::move(read->secret);
}

Result<base::SecretBytes> secret_from_file(const SecretSource& source) {
    return secret_from(source.passphrase_file, question_for(source.key));
}

std::string question_for(const KeyLocation& key) {
    return fmt::format("{} for {}: ", key.module == "openssl" ? "Passphrase" : "PIN",
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
        opened.error().advice = instead_of_asking("--passphrase-file");
        return opened;
    }
    const auto typed = ask(question_for(source.key));
    if (!typed) {
        return std::unexpected(typed.error());
    }
    return open_once(typed->view(), open);
}

}  // namespace ecryptfs::cli
