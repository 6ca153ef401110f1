// SPDX-License-Identifier: Apache-2.0

#include "cli/ask/passphrase_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "cli/ask/asking.h"
#include "cli/ask/opening.h"
#include "cli/files/file_error.h"
#include "cli/output/output.h"
#include "lib/base/file_exposure.h"
#include "lib/base/file_io.h"
#include "lib/base/handle.h"
#include "lib/base/hex.h"
#include "lib/base/try.h"
#include "lib/lower/wrapping.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using Ask = Result<SecretBytes> (*)(std::string_view question);

constexpr std::size_t kMostOfAWrappedFile = 4096;

Result<SecretBytes> from_file_or(Ask ask_person, const std::string& file, std::string_view question,
                                 std::string_view option) {
    if (file.empty() && !somebody_to_ask()) {
        return std::unexpected(Error{ErrorCode::kSecretRequired,
                                     "there is no terminal to ask for the passphrase",
                                     non_interactive_advice(option)});
    }
    if (file.empty()) {
        return ask_person(question);
    }
    auto read = secret_from(file, question, SecretKind::kPassphrase);
    if (read && read->empty()) {
        return std::unexpected(Error{
            ErrorCode::kInvalidArgument,
            fmt::format("the first line of {} is empty", file == "-" ? "standard input" : file),
            "put the passphrase on it"});
    }
    return read;
}

// `fd` may be none, and errno says why.
Result<lower::WrappedPassphrase> read_wrapped(int fd, const std::string& path) {
    std::array<std::uint8_t, kMostOfAWrappedFile> bytes;
    const auto size = fd >= 0 ? base::read_all(fd, bytes) : std::nullopt;
    if (!size) {
        return std::unexpected(file_error(fmt::format("reading {}", path), errno));
    }
    if (const auto exposure = base::file_exposure(fd, path, path)) {
        warn(*exposure);
    }
    const auto wrapped = lower::parse_wrapped_passphrase(base::ByteView(bytes).first(*size));
    if (!wrapped) {
        return std::unexpected(
            Error{wrapped.error().code, fmt::format("{}: {}", path, wrapped.error().message),
                  "name a file that ecryptfs-wrap-passphrase or this program wrote"});
    }
    return *wrapped;
}

}  // namespace

Result<SecretBytes> passphrase_from(const std::string& file, std::string_view question,
                                    std::string_view option) {
    return from_file_or(ask, file, question, option);
}

Result<SecretBytes> new_passphrase_from(const std::string& file, std::string_view question,
                                        std::string_view option) {
    return from_file_or(prompt_twice, file, question, option);
}

Result<SecretBytes> prompt_twice(std::string_view question) {
    auto typed = ask(question);
    if (!typed) {
        return typed;
    }
    const auto again = TRY(ask("Once more: "));
    if (!base::equal_in_constant_time(typed->view(), again.view())) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, "the two are not the same", "try again"});
    }
    return typed;
}

Result<void> standard_input_at_most_once(std::span<const std::string> files) {
    if (std::ranges::count(files, "-") > 1) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "standard input can be given for one of them only",
                                     "put the other passphrase into a file, or type it"});
    }
    return {};
}

Result<lower::Salt> typed_salt(const std::string& text) {
    if (text.empty()) {
        return lower::kDefaultSalt;
    }
    const auto bytes = base::from_hex(text);
    lower::Salt salt{};
    if (!bytes || bytes->size() != salt.size()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("\"{}\" is no salt, 16 hexadecimal digits", text),
                                     "leave --salt out for the default, 0011223344556677"});
    }
    std::ranges::copy(*bytes, salt.begin());
    return salt;
}

Result<lower::WrappedPassphrase> read_wrapped_file(const std::string& path) {
    // Of a FIFO that nobody writes to there is nothing; a writer is waited for.
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (file) {
        ::fcntl(file.get(), F_SETFL, 0);
    }
    return read_wrapped(file.get(), path);
}

Result<lower::WrappedPassphrase> read_found_wrapped_file(const std::string& path) {
    // Opening a device may do something already.
    const base::UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status{};
    if (place && (::fstat(place.get(), &status) != 0 || !S_ISREG(status.st_mode))) {
        return std::unexpected(
            Error{ErrorCode::kMalformed, fmt::format("{} is not a regular file", path), ""});
    }
    const auto same = fmt::format("/proc/self/fd/{}", place.get());
    const base::UniqueFd file(::open(same.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    return read_wrapped(file.get(), path);
}

Result<SecretBytes> unwrapped_passphrase(const lower::WrappedPassphrase& wrapped,
                                         const std::string& wrapping_file) {
    const auto wrapping =
        passphrase_from(wrapping_file, kWrappingQuestion, "--wrapping-passphrase-file");
    return wrapping ? lower::unwrap_passphrase(wrapped, wrapping->view())
                    : std::unexpected(wrapping.error());
}

Result<SecretBytes> unwrapped_passphrase(const std::string& path,
                                         const std::string& wrapping_file) {
    const auto wrapped = read_wrapped_file(path);
    return wrapped ? unwrapped_passphrase(*wrapped, wrapping_file)
                   : std::unexpected(wrapped.error());
}

}  // namespace ecryptfs::cli
