// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/module_edge.h"

#include <fmt/format.h>

#include <new>

#include "lib/base/printable.h"
#include "lib/base/utf8.h"
#include "pki-modules/abi/error_status.h"

namespace ecryptfs::module {
namespace {

base::Error caller_error(std::string message) {
    return {base::ErrorCode::kInternal, std::move(message),
            "this is a fault of the caller: report it"};
}

}  // namespace

void put_text(std::span<char> field, std::string_view text) {
    field[base::put_printable(field.first(field.size() - 1), text)] = '\0';
}

std::string shown(std::string_view path) {
    constexpr std::size_t kMost = 120;
    if (path.size() <= kMost) {
        return std::string(path);
    }
    std::size_t start = path.size() - kMost;
    while (start < path.size() && base::is_continuation(path[start])) {
        ++start;  // skips the rest of a split character
    }
    return fmt::format("…{}", path.substr(start));
}

ecryptfs_pki_status report(const base::Error& error, ecryptfs_pki_error* to) noexcept {
    if (to != nullptr) {
        put_text(to->message, error.message.empty() ? "unknown error" : error.message);
        put_text(to->advice, error.advice);
    }
    return pki::status_from_error(error.code);
}

ecryptfs_pki_status report_current_exception(ecryptfs_pki_error* to) noexcept {
    const auto plain = [to](std::string_view text) {
        if (to != nullptr) {
            put_text(to->message, text);
        }
        return ECRYPTFS_PKI_FAILED;
    };
    try {
        throw;
    } catch (const base::Failure& failure) {
        return report(failure.error(), to);
    } catch (const std::bad_alloc&) {
        return plain("out of memory");
    } catch (const std::exception& exception) {
        return plain(exception.what());
    } catch (...) {
        return plain("unknown error");
    }
}

base::Result<void> check_encrypt_sizes(std::size_t in_size, std::size_t room, std::size_t modulus) {
    if (in_size == 0 || in_size > ECRYPTFS_PKI_MAX_FILE_KEY) {
        return std::unexpected(
            caller_error(fmt::format("a file key of {} bytes (1 to {} can be wrapped)", in_size,
                                     ECRYPTFS_PKI_MAX_FILE_KEY)));
    }
    if (room < modulus) {
        return std::unexpected(caller_error(
            fmt::format("room for {} bytes, where the wrapped key has {}", room, modulus)));
    }
    return {};
}

base::Result<void> check_private_call(bool has_private_half, std::size_t room, std::size_t least) {
    if (room < least) {
        return std::unexpected(
            caller_error(fmt::format("room for {} bytes, where {} may be written", room, least)));
    }
    if (!has_private_half) {
        return std::unexpected(caller_error("the key was opened for encrypting only"));
    }
    return {};
}

base::Error decrypt_failed() {
    return {base::ErrorCode::kDecryptFailed,
            std::string(base::traits(base::ErrorCode::kDecryptFailed).meaning),
            "check that the file was made with this key"};
}

}  // namespace ecryptfs::module
