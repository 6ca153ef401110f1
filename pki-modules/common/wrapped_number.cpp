// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/wrapped_number.h"

#include <algorithm>

#include "pki-modules/common/module_edge.h"

namespace ecryptfs::module {

base::Result<WrappedNumber> WrappedNumber::pad(base::ByteView wrapped, std::size_t modulus_size) {
    if (wrapped.empty() || wrapped.size() > modulus_size) {
        return std::unexpected(decrypt_failed());
    }
    WrappedNumber number;
    number.size_ = modulus_size;
    std::ranges::copy(
        wrapped, base::ByteSpan{number.bytes_}.first(modulus_size).last(wrapped.size()).begin());
    return number;
}

}  // namespace ecryptfs::module
