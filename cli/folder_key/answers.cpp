// SPDX-License-Identifier: Apache-2.0

#include "cli/folder_key/answers.h"

#include <fmt/format.h>

#include "cli/ask/ask_secret.h"
#include "cli/ask/secret_source.h"
#include "cli/output/output.h"

namespace ecryptfs::cli {

using base::Result;
using base::SecretBytes;

AskKeySecret ask_key_secret(const std::optional<std::string>& file) {
    if (!file && !can_ask()) {
        return {};
    }
    return [file](const pki::KeyLocation& key) -> Result<SecretBytes> {
        return file ? read_key_secret({file, key}) : ask_secret(key_question(key));
    };
}

SecretAnswers make_answers(const AnswerFiles& files, const std::string& path) {
    SecretAnswers answers;
    answers.is_passphrase_given = files.passphrase.has_value();
    answers.passphrase = [file = files.passphrase, path]() {
        const auto question =
            fmt::format("Passphrase or recovery key of {}: ", printable(shortened_path(path)));
        return read_passphrase({file, question, "--passphrase-file"});
    };
    answers.key_secret = ask_key_secret(files.key_secret);
    return answers;
}

}  // namespace ecryptfs::cli
