// SPDX-License-Identifier: Apache-2.0
//
// Points of curves: checked here, once for all modules, before a module or a token sees them.

#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/pki/module.h"
#include "lib/pki/public_key.h"

namespace ecryptfs::pki {

// Whether these bytes are a public key of this kind, written as PublicKey::point is: on the curve,
// and not the point at infinity. Of X25519 any 32 bytes are (RFC 7748, 5).
bool is_public_point(PublicKeyKind kind, base::ByteView point);

// ECDH of a key, which is of this kind, and `peer`. Gives the part of `output` that was written.
// kInvalidArgument for a peer that is no public key of that kind, or of which all keys share the
// same secret; kModuleFailed if the module gives a secret of another size.
base::Result<base::ByteView> derive_secret(const ModuleKey& key, PublicKeyKind kind,
                                           base::ByteView peer, base::ByteSpan output);

}  // namespace ecryptfs::pki
