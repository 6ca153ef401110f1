// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/opened_key.h"

#include "lib/base/try.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/wrapped_number.h"

namespace ecryptfs::module {
namespace {

using base::ByteSpan;
using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;

std::unexpected<Error> not_rsa() {
    return std::unexpected(
        Error{ErrorCode::kNotSupported, "a key of an elliptic curve wraps no file keys"});
}

}  // namespace

Result<std::size_t> OpenedRsaKey::decrypt(ByteView wrapped, ByteSpan room) {
    const auto number = TRY(WrappedNumber::pad(wrapped, modulus_size()));
    return unwrap_file_key(number.view(), room);
}

Result<std::size_t> OpenedRsaKey::decrypt_oaep(ecryptfs_pki_oaep_hash hash, ByteView wrapped,
                                               ByteSpan room) {
    if (wrapped.size() != modulus_size()) {
        return std::unexpected(decrypt_failed());
    }
    return unwrap_content_key(hash, wrapped, room);
}

Result<std::size_t> OpenedRsaKey::unwrap_content_key(ecryptfs_pki_oaep_hash /*hash*/,
                                                     ByteView /*wrapped*/, ByteSpan /*room*/) {
    return std::unexpected(
        Error{ErrorCode::kNotSupported, "this key cannot unwrap by RSA-OAEP with that hash"});
}

Result<std::size_t> OpenedRsaKey::derive(ByteView /*peer*/, ByteSpan /*room*/) {
    return std::unexpected(Error{ErrorCode::kNotSupported, "an RSA key cannot do ECDH"});
}

Result<std::size_t> OpenedCurveKey::encrypt(ByteView /*file_key*/, ByteSpan /*room*/) {
    return not_rsa();
}

Result<std::size_t> OpenedCurveKey::decrypt(ByteView /*wrapped*/, ByteSpan /*room*/) {
    return not_rsa();
}

Result<std::size_t> OpenedCurveKey::decrypt_oaep(ecryptfs_pki_oaep_hash /*hash*/,
                                                 ByteView /*wrapped*/, ByteSpan /*room*/) {
    return not_rsa();
}

}  // namespace ecryptfs::module
