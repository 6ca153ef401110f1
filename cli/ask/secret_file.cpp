// SPDX-License-Identifier: Apache-2.0

#include "cli/ask/secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/output/output.h"
#include "lib/base/file_exposure.h"
#include "lib/base/handle.h"
#include "lib/base/sealed_memfd.h"
#include "lib/base/secret_slip.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;

// The longest secret, and its line end.
constexpr std::size_t kMaxLine = base::kMaxSecretSize + 2;

base::Error reading_failed(std::string_view name, int error_number) {
    const auto code = error_number == ENOENT ? ErrorCode::kNotFound
                      : error_number == EACCES || error_number == EPERM
                          ? ErrorCode::kAccessDenied
                          : ErrorCode::kInvalidArgument;
    return base::system_error(code, fmt::format("reading the passphrase file {}", name),
                              error_number, "name a readable file, or - for standard input");
}

// Reads until a line end, the buffer's or the file's end; gives how much.
Result<std::size_t> read_until_newline(int fd, base::ByteSpan buffer, std::string_view name) {
    std::size_t size = 0;
    while (size < buffer.size()) {
        const auto count = ::read(fd, buffer.data() + size, buffer.size() - size);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return std::unexpected(reading_failed(name, errno));
        }
        const auto fresh = buffer.subspan(size, static_cast<std::size_t>(count));
        size += fresh.size();
        if (fresh.empty() || std::ranges::find(fresh, '\n') != fresh.end()) {
            break;
        }
    }
    return size;
}

base::ByteView without_line_end(base::ByteView read) {
    const auto newline = std::ranges::find(read, '\n');
    auto line = read.first(static_cast<std::size_t>(newline - read.begin()));
    if (newline != read.end() && !line.empty() && line.back() == '\r') {
        line = line.first(line.size() - 1);
    }
    return line;
}

// Beyond the first line.
bool has_more_than_blanks(base::ByteView read, std::size_t line_size) {
    return std::ranges::any_of(read.subspan(line_size),
                               [](std::uint8_t c) { return c > ' ' && c != 0x7f; });
}

std::string mending_advice(const base::SecretSlip& slip, const FileSecret& read) {
    if (slip.filter.empty()) {
        return "write the file anew";
    }
    return read.path.empty() ? fmt::format("pass it through: {}", slip.filter)
                             : base::mending_command(slip.filter, read.path);
}

Result<FileSecret> read_first_line(int fd, std::string_view name, const std::string& path) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        return std::unexpected(reading_failed(name, errno));
    }
    auto buffer = TRY(base::SecretBytes::create(kMaxLine));
    const auto size = TRY(read_until_newline(fd, buffer.span(), name));
    const auto read = buffer.view().first(size);
    const auto line = without_line_end(read);
    if (line.size() > base::kMaxSecretSize) {
        return std::unexpected(base::Error{
            ErrorCode::kInvalidArgument,
            fmt::format("the first line of {} is longer than {} bytes", name, base::kMaxSecretSize),
            "put the passphrase or PIN alone on the first line"});
    }
    auto secret = TRY(base::SecretBytes::copy(line));
    const bool is_file = S_ISREG(status.st_mode);
    return FileSecret{std::move(secret), base::file_exposure(fd, name, path), is_file ? path : "",
                      !path.empty() && is_file && has_more_than_blanks(read, line.size())};
}

}  // namespace

Result<FileSecret> read_secret_line(int fd, std::string_view name) {
    return read_first_line(fd, name, "");
}

Result<FileSecret> read_secret_file(const std::string& path) {
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file) {
        return std::unexpected(reading_failed(path, errno));
    }
    return read_first_line(file.get(), path, path);
}

Result<void> check_secret_form(const FileSecret& read, std::string_view name, SecretKind kind) {
    if (read.has_more_lines) {
        warn(fmt::format("only the first line of {} is used", name));
    }
    const auto slip = base::find_slip(read.secret.view());
    if (!slip) {
        return {};
    }
    const auto advice = mending_advice(*slip, read);
    if (slip->certain) {
        return std::unexpected(base::Error{ErrorCode::kInvalidArgument,
                                           fmt::format("the secret in {} {}", name, slip->what),
                                           advice});
    }
    if (kind == SecretKind::kPin) {
        return std::unexpected(base::Error{
            ErrorCode::kInvalidArgument,
            fmt::format("the PIN in {} {}, so it was not tried", name, slip->what), advice});
    }
    warn(fmt::format("the secret in {} {}, which becomes a part of it; if that is not meant: {}",
                     name, slip->what, advice));
    return {};
}

}  // namespace ecryptfs::cli
