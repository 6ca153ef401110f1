// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/curve_key.h"
#include "pki-modules/common/rsa_public_key.h"

namespace ecryptfs::module {

// What a private half does: unwraps into `room`, and gives the size written.
using Unwrap =
    std::function<base::Result<std::size_t>(base::ByteView wrapped, base::ByteSpan room)>;

// Wraps a number that nobody knows and has it unwrapped again. One real use: a wrong secret, a
// damaged half, or halves of two keys show here. Fails with `mismatch` where the bytes do not come
// back, and as `unwrap` does where that fails for another reason.
base::Result<void> prove_halves_match(RsaPublicKey& public_half, const Unwrap& unwrap,
                                      const base::Error& mismatch);

// What a private half does with a peer's point: ECDH into `room`; gives the size written.
using Derive = std::function<base::Result<std::size_t>(base::ByteView peer, base::ByteSpan room)>;

// Has a secret computed on both sides, once by a key that is made for this. One real use: a wrong
// secret, a damaged half, or halves of two keys show here. Fails with `mismatch` where the two
// secrets differ, and as `derive` does where that fails for another reason.
base::Result<void> prove_curve_halves_match(const CurvePoint& public_half, const Derive& derive,
                                            const base::Error& mismatch);

// kInvalidKey, for a key in a file. `what` names it: "the key in /home/…".
base::Error damaged_halves(std::string_view what);

}  // namespace ecryptfs::module
