// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/tpm.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "pki-modules/common/module_edge.h"
#include "pki-modules/tpm2/locator.h"
#include "pki-modules/tpm2/tpm_error.h"
#include "pki-modules/tpm2/tpm_state.h"

namespace ecryptfs::tpm2_module {
namespace {

using base::Error;
using base::ErrorCode;

// Then a new connection, with new sessions and nothing loaded, may help.
bool may_be_transient(TpmError kind) {
    return kind == TpmError::kLost || kind == TpmError::kNoRoom || kind == TpmError::kPcrChanged;
}

Error no_room(const std::string& tcti) {
    return {ErrorCode::kInternal, "the TPM has no room for another key or session",
            fmt::format("use /dev/tpmrm0, which makes room; or flush what others left: {} && {}",
                        tool_command("flushcontext", tcti, "-t"),
                        tool_command("flushcontext", tcti, "-l"))};
}

Error explain(const TpmFailure& failure, const KeyInTpm& key, const std::string& tcti,
              TpmConnection* connection) {
    switch (failure.kind()) {
        case TpmError::kWrongSecret:
            return key.pin.empty()
                       ? Error{ErrorCode::kSecretRequired,
                               fmt::format("{} needs its PIN", key.what),
                               "give the PIN of the key, and no ?auth=none in its URI"}
                       : Error{ErrorCode::kWrongSecret, fmt::format("wrong PIN for {}", key.what),
                               "try again; the TPM counts wrong PINs and locks itself for a while"};
        case TpmError::kLockedOut:
            return connection != nullptr ? locked_out(connection->esys()) : failure.error();
        case TpmError::kForeign:
            return {ErrorCode::kInvalidKey,
                    fmt::format("{} is of another TPM or parent key, or damaged", key.what),
                    "use it on the machine on which it was made, and with its parent in place"};
        case TpmError::kLost:
            return {ErrorCode::kNotFound,
                    fmt::format("the TPM does not know {}, or its parent ({})", key.what,
                                failure.error().message),
                    "check the handle, and that this is the TPM that it was made in"};
        case TpmError::kNoRoom:
            return no_room(tcti);
        case TpmError::kPolicy:
            return failure.error().code == ErrorCode::kAccessDenied
                       ? failure.error()
                       : Error{ErrorCode::kAccessDenied,
                               fmt::format("the policy of {} does not hold", key.what),
                               "start the system as it was when the key was made"};
        default:
            return failure.error();
    }
}

}  // namespace

std::shared_ptr<Tpm> Tpm::find_or_create(const std::string& tcti) {
    static std::mutex mutex;
    static std::map<std::string, std::weak_ptr<Tpm>> known;
    const std::scoped_lock lock(mutex);
    std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
    auto tpm = known[tcti].lock();
    if (!tpm) {
        tpm = std::make_shared<Tpm>(tcti);
        known[tcti] = tpm;
    }
    return tpm;
}

TpmConnection& Tpm::ensure_connected() {
    if (!connection_) {
        connection_ = std::make_unique<TpmConnection>(tcti_);
    }
    return *connection_;
}

void Tpm::with_connection(const std::function<void(TpmConnection&)>& work) {
    const std::scoped_lock lock(mutex_);
    for (bool again = false;; again = true) {
        try {
            work(ensure_connected());
            return;
        } catch (const TpmFailure& failure) {
            if (again || !may_be_transient(failure.kind())) {
                throw;
            }
            connection_.reset();
        }
    }
}

base::Result<std::size_t> Tpm::decrypt(KeyInTpm& key, module::RsaPadding padding,
                                       base::ByteView wrapped, base::ByteSpan room) {
    return use(key, [&](TpmConnection& connection) {
        return connection.decrypt(key, padding, wrapped, room);
    });
}

base::Result<std::size_t> Tpm::derive(KeyInTpm& key, base::ByteView peer, base::ByteSpan room) {
    return use(key, [&](TpmConnection& connection) { return connection.derive(key, peer, room); });
}

base::Result<std::size_t> Tpm::use(KeyInTpm& key,
                                   const std::function<std::size_t(TpmConnection&)>& work) {
    std::size_t size = 0;
    std::optional<Error> error;
    try {
        with_connection([&](TpmConnection& connection) {
            try {
                size = work(connection);
            } catch (const TpmFailure& failure) {
                if (may_be_transient(failure.kind())) {
                    throw;
                }
                error = failure.kind() == TpmError::kBadInput
                            ? module::decrypt_failed()
                            : explain(failure, key, tcti_, &connection);
            }
        });
    } catch (const TpmFailure& failure) {
        error = explain(failure, key, tcti_, nullptr);
    }
    if (error) {
        return std::unexpected(std::move(*error));
    }
    return size;
}

void Tpm::unload(const KeyInTpm& key) noexcept {
    const std::scoped_lock lock(mutex_);
    if (connection_) {
        connection_->unload(key);
    }
}

}  // namespace ecryptfs::tpm2_module
