// SPDX-License-Identifier: Apache-2.0
//
// The edge between our C++ and the C ABI. Lets no exception out, and turns every failure into a
// status and a filled ecryptfs_pki_error.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "ecryptfs_pki_module.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::module {

// Writes `text` with a NUL, cut to fit. Control characters and bad UTF-8 become '?'.
void put_text(std::span<char> field, std::string_view text);

// A path or URI for a message. Cuts off the beginning of a long one, so that the rest of the
// message fits.
std::string shown(std::string_view path);

ecryptfs_pki_status report(const base::Error& error, ecryptfs_pki_error* to) noexcept;
ecryptfs_pki_status report_current_exception(ecryptfs_pki_error* to) noexcept;

// Runs the work of one ABI call: a callable that returns base::Result<void>, or throws
// base::Failure.
template <typename Work>
ecryptfs_pki_status at_edge(ecryptfs_pki_error* error, Work&& work) noexcept {
    try {
        const base::Result<void> result = std::forward<Work>(work)();
        return result ? ECRYPTFS_PKI_OK : report(result.error(), error);
    } catch (...) {
        return report_current_exception(error);
    }
}

// The ABI's rules for callers of encrypt() and decrypt(), checked once for all modules.
base::Result<void> check_encrypt_sizes(std::size_t in_size, std::size_t room, std::size_t modulus);
// `least`: the bytes that the operation may write.
base::Result<void> check_private_call(bool has_private_half, std::size_t room, std::size_t least);

// The one error for bytes that cannot be unwrapped, whatever is wrong with them.
base::Error decrypt_failed();

}  // namespace ecryptfs::module
