// SPDX-License-Identifier: Apache-2.0

#include "cli/ask/ask_secret.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/ask/askpass_program.h"
#include "cli/ask/pinentry.h"
#include "cli/ask/refusals.h"
#include "cli/ask/secret_file.h"
#include "cli/ask/terminal_prompt.h"
#include "lib/base/secret_slip.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;

std::string& chosen_program() {
    static std::string program;
    return program;
}

bool is_pinentry(const std::string& program) {
    return program.substr(program.rfind('/') + 1).starts_with("pinentry");
}

// The first line that the program prints.
Result<SecretBytes> ask_program(const std::string& program, std::string_view question) {
    auto started = TRY(AskpassProgram::start({program, std::string(question)}, false));
    auto line = read_secret_line(started.out(), program);
    TRY(started.finish());
    return line ? Result<SecretBytes>(std::move(line->secret)) : std::unexpected(line.error());
}

Result<SecretBytes> ask_terminal_or_program(std::string_view question) {
    const auto& program = chosen_program();
    if (program.empty()) {
        return prompt_for_secret(STDIN_FILENO, question);
    }
    auto answer =
        is_pinentry(program) ? ask_pinentry(program, question) : ask_program(program, question);
    if (answer && answer->empty()) {
        return std::unexpected(empty_answer_error(fmt::format("{} gave an empty answer", program)));
    }
    return answer;
}

}  // namespace

void use_askpass(std::string program) {
    chosen_program() = std::move(program);
}

bool can_ask() {
    return !chosen_program().empty() || ::isatty(STDIN_FILENO) != 0;
}

std::string non_interactive_advice(std::string_view option) {
    return fmt::format("give it with {} FILE, - for standard input, or have --askpass PROGRAM ask",
                       option);
}

Result<SecretBytes> ask_secret(std::string_view question) {
    auto answer = ask_terminal_or_program(question);
    if (answer && base::has_control_characters(answer->view())) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  "what was typed holds a control character, as the arrow keys and Tab make",
                  "type it without such keys; a secret that has them can come from a file"});
    }
    return answer;
}

Result<void> confirm_secret(const SecretBytes& typed, std::string_view question) {
    const auto again = TRY(ask_secret(question));
    if (!base::equal_in_constant_time(typed.view(), again.view())) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, "the passphrases do not match", "try again"});
    }
    return {};
}

Result<SecretBytes> ask_new_secret(std::string_view question) {
    auto typed = TRY(ask_secret(question));
    TRY(confirm_secret(typed, "Once more: "));
    return typed;
}

}  // namespace ecryptfs::cli
