// SPDX-License-Identifier: Apache-2.0

#include "cli/ask/pinentry.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "cli/ask/askpass_program.h"
#include "cli/ask/refusals.h"
#include "lib/base/file_io.h"
#include "lib/base/percent.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;

constexpr std::size_t kLongestLine = 1002;  // libassuan: 1,000 bytes and the line end
constexpr unsigned kCancelledError = 99;    // GPG_ERR_CANCELED, in the lower 16 bits

Error failed(const std::string& program, std::string_view said) {
    return {ErrorCode::kModuleFailed, fmt::format("{} failed: {}", program, said),
            "give --askpass another program"};
}

// A text as part of a command.
std::string escaped(std::string_view text) {
    return base::percent_encoded(
        text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '%'; });
}

// One line, without its end, byte by byte: what follows it stays in the pipe.
Result<ByteView> read_line(int fd, SecretBytes& buffer, const std::string& program) {
    std::size_t size = 0;
    while (size < buffer.size()) {
        const auto count = ::read(fd, buffer.span().data() + size, 1);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return std::unexpected(failed(program, "it ended early"));
        }
        if (buffer.view()[size] == '\n') {
            return buffer.view().first(size);
        }
        ++size;
    }
    return std::unexpected(failed(program, "its line is too long"));
}

Error refused(const std::string& program, std::string_view line) {
    unsigned code = 0;
    std::from_chars(line.data(), line.data() + line.size(), code);
    return (code & 0xffffU) == kCancelledError ? cancelled_error() : failed(program, line);
}

class Conversation {
  public:
    Conversation(AskpassProgram& pinentry, std::string name, SecretBytes buffer)
        : pinentry_(pinentry), name_(std::move(name)), buffer_(std::move(buffer)) {}

    // Up to the "OK"; the data that came before it.
    Result<SecretBytes> reply() {
        SecretBytes data;
        while (true) {
            const auto line = TRY(read_line(pinentry_.out(), buffer_, name_));
            const auto text = base::as_text(line);
            if (text == "OK" || text.starts_with("OK ")) {
                return data;
            }
            if (text.starts_with("ERR ")) {
                return std::unexpected(refused(name_, text.substr(4)));
            }
            if (text.starts_with("D ")) {
                auto plain = TRY(unescaped_data(line.subspan(2)));
                data = std::move(plain);
            }
        }
    }

    Result<SecretBytes> say(const std::string& command) {
        if (!base::write_all(pinentry_.in(), base::as_bytes(command + "\n"))) {
            return std::unexpected(failed(name_, "it does not listen"));
        }
        return reply();
    }

  private:
    AskpassProgram& pinentry_;
    std::string name_;
    SecretBytes buffer_;
};

// What pinentries for terminals need; others do not mind, and an old one may not know an option.
void tell_terminal(Conversation& conversation) {
    const char* terminal = ::ttyname(STDIN_FILENO);
    const char* type = std::getenv("TERM");
    if (terminal != nullptr) {
        static_cast<void>(conversation.say(fmt::format("OPTION ttyname={}", terminal)));
    }
    if (type != nullptr) {
        static_cast<void>(conversation.say(fmt::format("OPTION ttytype={}", type)));
    }
}

Result<SecretBytes> converse(Conversation& conversation, std::string_view question) {
    TRY(conversation.reply());
    tell_terminal(conversation);
    for (const auto& command : {std::string("SETTITLE ecryptfsctl"), "SETDESC " + escaped(question),
                                std::string("SETPROMPT :")}) {
        TRY(conversation.say(command));
    }
    return conversation.say("GETPIN");
}

}  // namespace

Result<SecretBytes> unescaped_data(ByteView data) {
    auto plain = TRY(SecretBytes::create(std::max<std::size_t>(data.size(), 1)));
    std::size_t size = 0;
    const auto text = base::as_text(data);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_escape = text[i] == '%';
        const auto byte = is_escape ? base::leading_escape(text.substr(i))
                                    : std::optional(static_cast<std::uint8_t>(text[i]));
        if (!byte) {
            return std::unexpected(
                Error{ErrorCode::kMalformed, "pinentry's answer is not escaped as it should be"});
        }
        i += is_escape ? 2 : 0;
        plain.span()[size++] = *byte;
    }
    return SecretBytes::copy(plain.view().first(size));
}

Result<SecretBytes> ask_pinentry(const std::string& program, std::string_view question) {
    auto buffer = TRY(SecretBytes::create(kLongestLine));
    auto pinentry = TRY(AskpassProgram::start({program}, true));
    Conversation conversation(pinentry, program, std::move(buffer));
    auto answer = converse(conversation, question);
    static_cast<void>(conversation.say("BYE"));
    const auto ended = pinentry.finish();
    // One that cannot be run has said nothing either.
    return !answer && !ended && ended.error().code == ErrorCode::kNotFound
               ? std::unexpected(ended.error())
               : std::move(answer);
}

}  // namespace ecryptfs::cli
