// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <vector>

#include "lib/pki/public_key.h"

namespace ecryptfs::test {

// A public key of RSA-1024, for hosts that only say that they opened one.
inline pki::PublicKeyView some_rsa_key() {
    static const pki::PublicKey key{
        pki::PublicKeyKind::kRsa, std::vector<std::uint8_t>(128, 0xff), {3}, {}};
    return pki::PublicKeyView(key);
}

}  // namespace ecryptfs::test
