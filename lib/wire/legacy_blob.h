// SPDX-License-Identifier: Apache-2.0
//
// Blobs of private-key tokens. Ours are a URI, as text. Those of ecryptfs-utils' modules are
// counted fields (docs/protocol.md section 5). The first two bytes tell the two apart: a URI's,
// read as a length, exceed any payload.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

// What its pkcs11-helper module keeps; views into the blob, without the NULs.
struct LegacyPkcs11Blob {
    std::string_view serialized_id;  // for parse_legacy_pkcs11_id(); not empty
    base::ByteView certificate;      // DER
    base::ByteView pin;              // a secret; empty if there is none
};

// kInvalidToken, with what and at which byte.
base::Result<LegacyPkcs11Blob> parse_legacy_pkcs11_blob(base::ByteView blob);

// pkcs11-helper's name for a certificate and its private key.
struct LegacyPkcs11Id {
    std::string manufacturer;
    std::string model;
    std::string serial;
    std::string label;             // of the token
    std::vector<std::uint8_t> id;  // CKA_ID; not empty
};

// From "MANUFACTURER/MODEL/SERIAL/LABEL/ID", odd characters as \xNN and the id in hexadecimal
// (pkcs11h-serialization.c). kInvalidToken. Later versions of pkcs11-helper write a pkcs11: URI.
base::Result<LegacyPkcs11Id> parse_legacy_pkcs11_id(std::string_view serialized_id);

}  // namespace ecryptfs::wire
