// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/module_edge.h"

#include <fmt/format.h>

#include <cstring>
#include <new>

namespace ecryptfs::module {
namespace {

// Bytes of the well-formed, printable UTF-8 character that `text` begins with; 0 if it does not.
// The Unicode Standard, table 3-7.
std::size_t printable_character(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first < 0x80) {
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        const bool c1_control = first == 0xc2 && byte(1) < 0xa0;
        return tail(1) && !c1_control ? 2 : 0;
    }
    if (first >= 0xe0 && first <= 0xef) {
        const bool overlong = first == 0xe0 && byte(1) < 0xa0;
        const bool surrogate = first == 0xed && byte(1) >= 0xa0;
        return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool overlong = first == 0xf0 && byte(1) < 0x90;
        const bool too_large = first == 0xf4 && byte(1) >= 0x90;
        return tail(1) && tail(2) && tail(3) && !overlong && !too_large ? 4 : 0;
    }
    return 0;
}

base::Error caller_error(std::string message) {
    return {base::ErrorCode::kInternal, std::move(message),
            "this is a fault of the caller: report it"};
}

}  // namespace

ecryptfs_pki_status status_of(base::ErrorCode code) {
    using enum base::ErrorCode;
    switch (code) {
        case kInvalidArgument:
            return ECRYPTFS_PKI_INVALID_LOCATOR;
        case kNotFound:
            return ECRYPTFS_PKI_NOT_FOUND;
        case kAccessDenied:
            return ECRYPTFS_PKI_ACCESS_DENIED;
        case kInvalidKey:
            return ECRYPTFS_PKI_INVALID_KEY;
        case kSecretRequired:
            return ECRYPTFS_PKI_SECRET_REQUIRED;
        case kWrongSecret:
            return ECRYPTFS_PKI_WRONG_SECRET;
        case kSecretLockedOut:
            return ECRYPTFS_PKI_SECRET_LOCKED_OUT;
        case kDecryptFailed:
            return ECRYPTFS_PKI_DECRYPT_FAILED;
        case kTokenRemoved:
            return ECRYPTFS_PKI_TOKEN_REMOVED;
        case kNotSupported:
            return ECRYPTFS_PKI_NOT_SUPPORTED;
        case kMemoryLock:
            return ECRYPTFS_PKI_NO_LOCKED_MEMORY;
        case kSecretAtDevice:
            return ECRYPTFS_PKI_SECRET_AT_DEVICE;
        case kAlreadyExists:
            return ECRYPTFS_PKI_ALREADY_EXISTS;
        default:
            return ECRYPTFS_PKI_FAILED;
    }
}

void put_text(std::span<char> field, std::string_view text) {
    std::size_t used = 0;
    const auto put = [&](std::string_view part) {
        const bool fits = part.size() < field.size() - used;
        if (fits) {
            std::memcpy(field.data() + used, part.data(), part.size());
            used += part.size();
        }
        return fits;
    };
    while (!text.empty()) {
        const std::size_t size = printable_character(text);
        if (!put(size == 0 ? "?" : text.substr(0, size))) {
            break;
        }
        text.remove_prefix(size == 0 ? 1 : size);
    }
    field[used] = '\0';
}

std::string shown(std::string_view path) {
    constexpr std::size_t kMost = 120;
    if (path.size() <= kMost) {
        return std::string(path);
    }
    std::size_t start = path.size() - kMost;
    while (start < path.size() && (static_cast<unsigned char>(path[start]) & 0xc0U) == 0x80U) {
        ++start;  // not into the middle of a character
    }
    return fmt::format("…{}", path.substr(start));
}

ecryptfs_pki_status report(const base::Error& error, ecryptfs_pki_error* to) noexcept {
    if (to != nullptr) {
        put_text(to->message, error.message.empty() ? "unknown error" : error.message);
        put_text(to->advice, error.advice);
    }
    return status_of(error.code);
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

base::Result<void> check_decrypt_sizes(std::size_t room) {
    if (room < ECRYPTFS_PKI_MAX_FILE_KEY) {
        return std::unexpected(caller_error(fmt::format(
            "room for {} bytes, where a file key may have {}", room, ECRYPTFS_PKI_MAX_FILE_KEY)));
    }
    return {};
}

base::Error decrypt_failed() {
    return {base::ErrorCode::kDecryptFailed,
            "the file key was not wrapped for this key, or is damaged",
            "check that the file was made with this key"};
}

}  // namespace ecryptfs::module
