// SPDX-License-Identifier: Apache-2.0

#include "cli/files/wrapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/files/file_error.h"
#include "cli/output/json_text.h"
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

constexpr std::size_t kMaxWrappedFile = 4096;

// `fd` may be none, and errno says why.
Result<lower::WrappedPassphrase> read_wrapped(int fd, const std::string& path) {
    std::array<std::uint8_t, kMaxWrappedFile> bytes;
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

Result<SecretBytes> read_and_unwrap(const std::string& path, const PassphraseInput& wrapping) {
    const auto wrapped = TRY(read_wrapped_file(path));
    const auto opener = TRY(read_passphrase(wrapping));
    return lower::unwrap_passphrase(wrapped, opener.view());
}

Result<int> write_wrapped_file(const std::string& path, const SecretBytes& passphrase,
                               const SecretBytes& wrapping, base::IfThere if_there) {
    const auto wrapped = TRY(lower::wrap_passphrase(passphrase.view(), wrapping.view()));
    TRY(write_whole_file(path, lower::encode_wrapped_passphrase(wrapped), if_there));
    return wrapped.version;
}

Result<lower::Salt> parse_salt(const std::optional<std::string>& text) {
    if (!text) {
        return lower::kDefaultSalt;
    }
    const auto bytes = base::from_hex(*text);
    lower::Salt salt{};
    if (!bytes || bytes->size() != salt.size()) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("\"{}\" is not a salt of 16 hexadecimal digits", *text),
                  "leave --salt out for the default, 0011223344556677"});
    }
    std::ranges::copy(*bytes, salt.begin());
    return salt;
}

std::string wrapped_file_json(const std::string& path, int version) {
    return json_line({{"file", path}, {"version", version}});
}

}  // namespace ecryptfs::cli
