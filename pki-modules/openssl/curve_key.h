// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/curve_key.h"
#include "pki-modules/common/opened_key.h"

namespace ecryptfs::openssl_module {

// A key of an elliptic curve from a PEM file.
class CurveKey : public module::OpenedCurveKey {
  public:
    using OpenedCurveKey::OpenedCurveKey;

    // Keeps the private half of the same key, which must match the public one: kInvalidKey. `what`
    // names the key in messages.
    base::Result<void> add_private_half(module::EvpPkey key, std::string_view what);

    bool has_private_half() const override { return static_cast<bool>(private_half_); }
    base::Result<std::size_t> derive(base::ByteView peer, base::ByteSpan room) override;

  private:
    module::EvpPkey private_half_;
};

}  // namespace ecryptfs::openssl_module
