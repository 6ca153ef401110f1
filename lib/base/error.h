// SPDX-License-Identifier: Apache-2.0
//
// One error type for the whole project, and the one table that says how an error looks from
// outside: its name on the bus, the exit code of ecryptfsctl and the status byte that the kernel
// gets. docs/errors.md is the table in prose; a test compares the two.

#pragma once

#include <cstdint>
#include <exception>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ecryptfs::base {

enum class ErrorCode : std::uint8_t {
    kInternal,
    kInvalidArgument,
    kNoBus,
    kNoAgent,
    kNoDevice,
    kDevicePermission,
    kDeviceBusy,
    kUnknownKey,
    kNotFound,
    kAccessDenied,
    kInvalidKey,
    kSecretRequired,
    kWrongSecret,
    kSecretLockedOut,
    kUnknownModule,
    kModuleFailed,
    kQuotaExceeded,
    kInvalidToken,
    kKeyLocked,
    kKeyExpired,
    kKeyRevoked,
    kDecryptFailed,
    kTokenRemoved,
    kTimedOut,
    kOverloaded,
    kMemoryLock,
    kMalformed,
    kNotSupported,
    kSecretAtDevice,
    kAlreadyExists,
    kBusy,
    kUnhealthy,
    kNoSpace,
    kNameChanged,
    kCancelled,
};

// What went wrong, and apart from that what to do about it. Both are one line, without a final
// full stop; `advice` may be empty. Neither may hold a secret.
struct Error {
    ErrorCode code = ErrorCode::kInternal;
    std::string message;
    std::string advice = {};
};

template <typename T>
using Result = std::expected<T, Error>;

// A row of the table. `status` is the exit code of ecryptfsctl and also the status byte of a
// Tag 65 or 67 packet: never zero, which there means success.
struct ErrorTraits {
    ErrorCode code;
    std::string_view name;  // last part of org.ecryptfs.Agent1.Error.NAME; also in JSON and journal
    std::uint8_t status;
    std::string_view meaning;
};

std::span<const ErrorTraits> error_table();
const ErrorTraits& traits(ErrorCode code);
std::optional<ErrorCode> error_code_from_name(std::string_view name);

// What a failed system call's errno means in general, for files and for keys; kInternal if nothing
// in particular. A caller that knows better what its call means says so itself.
ErrorCode code_of_errno(int error_number);

// Error for a failed system call: "WHAT: No such file or directory".
Error system_error(std::string_view what, int error_number, std::string advice = {});
Error system_error(ErrorCode code, std::string_view what, int error_number,
                   std::string advice = {});

// For the edges (main, CLI verbs) where an error ends the work: carries an Error as an exception.
class Failure : public std::exception {
  public:
    explicit Failure(Error error) : error_(std::move(error)) {}
    const Error& error() const noexcept { return error_; }
    const char* what() const noexcept override { return error_.message.c_str(); }

  private:
    Error error_;
};

template <typename T>
T value_or_throw(Result<T> result) {
    if (!result) {
        throw Failure(std::move(result.error()));
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

}  // namespace ecryptfs::base
