// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/curve_key.h"

#include "pki-modules/common/key_proof.h"

namespace ecryptfs::openssl_module {

using base::Result;

Result<void> CurveKey::add_private_half(module::EvpPkey key, std::string_view what) {
    private_half_ = std::move(key);
    return module::prove_curve_halves_match(
        public_half(),
        [this](base::ByteView peer, base::ByteSpan room) { return derive(peer, room); },
        module::damaged_halves(what));
}

Result<std::size_t> CurveKey::derive(base::ByteView peer, base::ByteSpan room) {
    return module::derive_secret(*private_half_, {public_half().curve, {peer.begin(), peer.end()}},
                                 room);
}

}  // namespace ecryptfs::openssl_module
