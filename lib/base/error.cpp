// SPDX-License-Identifier: Apache-2.0

#include "lib/base/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ecryptfs::base {
namespace {

using enum ErrorCode;

// Numbers are stable: scripts test for them. Add rows, never renumber.
constexpr auto kErrorTable = std::to_array<ErrorTraits>({
    {kInternal, "Internal", 1, "something that should not happen; please report it"},
    {kInvalidArgument, "InvalidArgument", 2, "wrong option, argument or URI"},
    {kNoBus, "NoBus", 3, "no D-Bus user bus to talk to"},
    {kNoAgent, "NoAgent", 4, "the agent is not running and could not be started"},
    {kNoDevice, "NoDevice", 5, "/dev/ecryptfs is not there"},
    {kDevicePermission, "DevicePermission", 6, "no permission to open /dev/ecryptfs"},
    {kDeviceBusy, "DeviceBusy", 7, "another daemon of this user holds /dev/ecryptfs"},
    {kUnknownKey, "UnknownKey", 8, "no key with this signature"},
    {kNotFound, "NotFound", 9, "the key file or token object is not there"},
    {kAccessDenied, "AccessDenied", 10, "the key file, token or caller lacks permission"},
    {kInvalidKey, "InvalidKey", 11, "not a key that eCryptfs can use"},
    {kSecretRequired, "SecretRequired", 12, "the key needs a passphrase or PIN"},
    {kWrongSecret, "WrongSecret", 13, "wrong passphrase or PIN"},
    {kSecretLockedOut, "SecretLockedOut", 14, "the token refuses further attempts"},
    {kUnknownModule, "UnknownModule", 15, "no PKI module of this name"},
    {kModuleFailed, "ModuleFailed", 16, "the PKI module failed or its host died"},
    {kQuotaExceeded, "QuotaExceeded", 17, "the kernel's key quota is used up"},
    {kInvalidToken, "InvalidToken", 18, "a key in the keyring is not an authentication token"},
    {kKeyLocked, "KeyLocked", 19, "the key is locked"},
    {kKeyExpired, "KeyExpired", 20, "the key's time has run out"},
    {kKeyRevoked, "KeyRevoked", 21, "the key was revoked"},
    {kDecryptFailed, "DecryptFailed", 22, "the file key was not made for this key, or is damaged"},
    {kTokenRemoved, "TokenRemoved", 23, "the smart card, HSM or TPM is gone"},
    {kTimedOut, "TimedOut", 24, "no answer in time"},
    {kOverloaded, "Overloaded", 25, "more requests than can be queued"},
    {kMemoryLock, "MemoryLock", 26, "memory for a secret could not be locked"},
    {kMalformed, "Malformed", 27, "bytes that do not follow the format"},
    {kNotSupported, "NotSupported", 28, "not supported here"},
    {kSecretAtDevice, "SecretAtDevice", 29, "the PIN is typed on the card reader itself"},
    {kAlreadyExists, "AlreadyExists", 30, "there is something of that name already"},
    {kBusy, "Busy", 31, "the mount is in use"},
    {kUnhealthy, "Unhealthy", 32, "something that the keys need is broken"},
    {kNoSpace, "NoSpace", 33, "no room left on the file system, or in the user's quota of it"},
    {kNameChanged, "NameChanged", 34, "saved, but under another name than it had"},
    {kCancelled, "Cancelled", 130, "interrupted by the user"},
});

constexpr bool rows_stand_in_enum_order() {
    for (std::size_t i = 0; i < kErrorTable.size(); ++i) {
        if (std::to_underlying(kErrorTable[i].code) != i || kErrorTable[i].status == 0) {
            return false;
        }
    }
    return std::to_underlying(kCancelled) + 1U == kErrorTable.size();
}
static_assert(rows_stand_in_enum_order());

}  // namespace

std::span<const ErrorTraits> error_table() {
    return kErrorTable;
}

const ErrorTraits& traits(ErrorCode code) {
    return kErrorTable.at(std::to_underlying(code));
}

std::optional<ErrorCode> error_code_from_name(std::string_view name) {
    const auto row = std::ranges::find(kErrorTable, name, &ErrorTraits::name);
    if (row == kErrorTable.end()) {
        return std::nullopt;
    }
    return row->code;
}

ErrorCode code_of_errno(int error_number) {
    using enum ErrorCode;
    switch (error_number) {
        case ENOENT:
        case ENOTDIR:
            return kNotFound;
        case EACCES:
        case EPERM:
        case EROFS:
            return kAccessDenied;
        case EEXIST:
            return kAlreadyExists;
        case ENOSPC:
        case EDQUOT:
            return kNoSpace;
        case EBUSY:
            return kBusy;
        case ENOKEY:
            return kUnknownKey;
        case EKEYEXPIRED:
            return kKeyExpired;
        case EKEYREVOKED:
            return kKeyRevoked;
        case ENOSYS:
            return kNotSupported;
        default:
            return kInternal;
    }
}

Error system_error(std::string_view what, int error_number, std::string advice) {
    return system_error(code_of_errno(error_number), what, error_number, std::move(advice));
}

Error system_error(ErrorCode code, std::string_view what, int error_number, std::string advice) {
    return {code, fmt::format("{}: {}", what, ::strerrordesc_np(error_number)), std::move(advice)};
}

}  // namespace ecryptfs::base
