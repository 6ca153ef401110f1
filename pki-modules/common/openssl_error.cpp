// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/openssl_error.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>

namespace ecryptfs::module {

OpensslErrors OpensslErrors::take() {
    OpensslErrors errors;
    while (const unsigned long code = ::ERR_get_error()) {
        errors.codes_.push_back(code);
    }
    return errors;
}

bool OpensslErrors::has(int library, int reason) const {
    return std::ranges::any_of(codes_, [=](unsigned long code) {
        return ERR_GET_LIB(code) == library && ERR_GET_REASON(code) == reason;
    });
}

bool OpensslErrors::has(int reason) const {
    return std::ranges::any_of(codes_,
                               [=](unsigned long code) { return ERR_GET_REASON(code) == reason; });
}

bool OpensslErrors::out_of_memory() const {
    return has(ERR_R_MALLOC_FAILURE);
}

std::string OpensslErrors::text() const {
    if (codes_.empty()) {
        return "failed";
    }
    const char* reason = ::ERR_reason_error_string(codes_.front());
    return reason != nullptr ? reason : fmt::format("error {:08x}", codes_.front());
}

base::Error out_of_locked_memory() {
    return {base::ErrorCode::kMemoryLock, "the memory that is locked for private keys is used up",
            "remove a key, or raise the memory-lock limit: LimitMEMLOCK= in the systemd unit, "
            "or memlock in /etc/security/limits.conf (see it with: ulimit -l)"};
}

void throw_openssl(std::string_view call) {
    const auto errors = OpensslErrors::take();
    if (errors.out_of_memory()) {
        throw base::Failure(out_of_locked_memory());
    }
    throw base::Failure({base::ErrorCode::kInternal, fmt::format("{}: {}", call, errors.text())});
}

}  // namespace ecryptfs::module
