// SPDX-License-Identifier: Apache-2.0
//
// Which error each status of the module ABI stands for: modules report by this table, and the host
// reads by it. Not part of the public ABI.

#pragma once

#include <algorithm>
#include <array>

#include "ecryptfs_pki_module.h"
#include "lib/base/error.h"

namespace ecryptfs::pki {

struct StatusMeaning {
    ecryptfs_pki_status status;
    base::ErrorCode code;
};

inline constexpr auto kStatusTable = std::to_array<StatusMeaning>({
    {ECRYPTFS_PKI_INVALID_LOCATOR, base::ErrorCode::kInvalidArgument},
    {ECRYPTFS_PKI_NOT_FOUND, base::ErrorCode::kNotFound},
    {ECRYPTFS_PKI_ACCESS_DENIED, base::ErrorCode::kAccessDenied},
    {ECRYPTFS_PKI_INVALID_KEY, base::ErrorCode::kInvalidKey},
    {ECRYPTFS_PKI_SECRET_REQUIRED, base::ErrorCode::kSecretRequired},
    {ECRYPTFS_PKI_WRONG_SECRET, base::ErrorCode::kWrongSecret},
    {ECRYPTFS_PKI_SECRET_LOCKED_OUT, base::ErrorCode::kSecretLockedOut},
    {ECRYPTFS_PKI_DECRYPT_FAILED, base::ErrorCode::kDecryptFailed},
    {ECRYPTFS_PKI_TOKEN_REMOVED, base::ErrorCode::kTokenRemoved},
    {ECRYPTFS_PKI_NOT_SUPPORTED, base::ErrorCode::kNotSupported},
    {ECRYPTFS_PKI_NO_LOCKED_MEMORY, base::ErrorCode::kMemoryLock},
    {ECRYPTFS_PKI_SECRET_AT_DEVICE, base::ErrorCode::kSecretAtDevice},
    {ECRYPTFS_PKI_ALREADY_EXISTS, base::ErrorCode::kAlreadyExists},
});

// ECRYPTFS_PKI_FAILED for an error without a status of its own.
constexpr ecryptfs_pki_status status_from_error(base::ErrorCode code) {
    const auto* const found = std::ranges::find(kStatusTable, code, &StatusMeaning::code);
    return found == kStatusTable.end() ? ECRYPTFS_PKI_FAILED : found->status;
}

// kModuleFailed for ECRYPTFS_PKI_FAILED, and for a number that is no status.
constexpr base::ErrorCode error_from_status(ecryptfs_pki_status status) {
    const auto* const found = std::ranges::find(kStatusTable, status, &StatusMeaning::status);
    return found == kStatusTable.end() ? base::ErrorCode::kModuleFailed : found->code;
}

}  // namespace ecryptfs::pki
