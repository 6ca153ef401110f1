// SPDX-License-Identifier: Apache-2.0

#include "fuse/outcome.h"

#include <cerrno>

namespace ecryptfs::fuse {

std::unexpected<int> failed_call() {
    return std::unexpected(errno);
}

int to_errno(const base::Error& error) {
    using enum base::ErrorCode;
    switch (error.code) {
        case kUnknownKey:
        case kKeyLocked:
        case kSecretRequired:
            return ENOKEY;
        case kKeyExpired:
            return EKEYEXPIRED;
        case kKeyRevoked:
            return EKEYREVOKED;
        case kNotFound:
            return ENOENT;
        case kAccessDenied:
            return EACCES;
        case kAlreadyExists:
            return EEXIST;
        case kNoSpace:
            return ENOSPC;
        case kInvalidArgument:
            return EINVAL;
        case kNotSupported:
            return EOPNOTSUPP;
        case kMemoryLock:
            return ENOMEM;
        case kTimedOut:
            return ETIMEDOUT;
        default:
            return EIO;
    }
}

}  // namespace ecryptfs::fuse
