// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/opened_key.h"
#include "pki-modules/pkcs11/open_key.h"

namespace ecryptfs::pkcs11_module {

// A key of P-256 or P-384 on a token, which does ECDH.
class TokenCurveKey : public module::OpenedCurveKey {
  public:
    // Finds out how the token wants points, if the URI does not say it, by uses of the key.
    static base::Result<std::unique_ptr<module::OpenedKey>> settle(FoundKey found);

    bool has_private_half() const override { return found_.private_key != nullptr; }
    void describe(ecryptfs_pki_description& to) const override;
    base::Result<std::size_t> derive(base::ByteView peer, base::ByteSpan room) override {
        return found_.private_key->derive(mechanism_, peer, room);
    }

  private:
    explicit TokenCurveKey(FoundKey found)
        : OpenedCurveKey(found.half.numbers.point, found.warning), found_(std::move(found)) {}
    base::Result<void> settle_mechanism();

    FoundKey found_;
    Mechanism mechanism_{};
    std::string locator_;
};

}  // namespace ecryptfs::pkcs11_module
