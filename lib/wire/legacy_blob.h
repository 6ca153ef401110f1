// SPDX-License-Identifier: Apache-2.0
//
// Blobs of private-key tokens. Ours are a URI, as text. Those of ecryptfs-utils' openssl module
// are two counted strings, path and passphrase (PROTOCOL.md section 4), and are told apart by their
// first two bytes: as a length they would exceed any payload if they were a URI's.

#pragma once

#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::wire {

// What ecryptfs-utils' openssl module keeps; views into the blob, without the NULs.
struct LegacyOpensslBlob {
    std::string_view path;
    base::ByteView passphrase;  // a secret; empty if the key file needs none
};

// Whether a blob is a URI of ours: printable ASCII that begins with a scheme and a colon.
bool is_locator(base::ByteView blob);

// kInvalidToken, with what and at which byte, for anything but two counted, NUL-terminated strings.
base::Result<LegacyOpensslBlob> parse_legacy_openssl_blob(base::ByteView blob);

}  // namespace ecryptfs::wire
