// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/key_opener.h"

#include <string>
#include <utility>

#include "agent/runtime/time_limits.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// JobResult's views end with the call.
Result<OpenedKey> opened_key(const Result<JobResult>& result) {
    if (!result) {
        return std::unexpected(result.error());
    }
    if (!result->signature) {
        return std::unexpected(
            Error{ErrorCode::kModuleFailed, "the PKI host opened a key and did not say which"});
    }
    return OpenedKey{*result->signature, std::string(result->locator),
                     std::string(result->warning)};
}

}  // namespace

void KeyOpener::open(const KeyRef& key, Clock::time_point now,
                     std::move_only_function<void(const Result<OpenedKey>&)> opened) {
    auto done = [opened = std::move(opened)](const Result<JobResult>& result) mutable {
        opened(opened_key(result));
    };
    hosts_.submit({key, {}, {}, now + kOpenReplyLimit, std::move(done)});
}

void KeyOpener::close(std::span<const KeyRef> keys) {
    for (const auto& key : keys) {
        hosts_.close_key(*key);
    }
}

}  // namespace ecryptfs::agent
