// SPDX-License-Identifier: Apache-2.0

#include "lib/folderkey/random_secret.h"

#include <openssl/rand.h>

#include "lib/base/try.h"
#include "lib/lower/openssl.h"

namespace ecryptfs::folderkey {

base::Result<base::SecretBytes> random_secret(std::size_t size) {
    auto secret = TRY(base::SecretBytes::create(size));
    if (::RAND_priv_bytes_ex(lower::openssl_library(), secret.span().data(), size, 0) != 1) {
        return std::unexpected(lower::openssl_error("RAND_priv_bytes_ex"));
    }
    return secret;
}

}  // namespace ecryptfs::folderkey
