// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/base/secret_entry.h"

namespace ecryptfs::pkcs11_module {

// The PIN to use: a given one, or else the first line of the file that the URI's pin-source names,
// as a path or a file: URI.
class ChosenPin {
  public:
    // Borrows a typed PIN. An empty `pin_source` means none.
    static base::Result<ChosenPin> choose(const base::SecretEntry& given,
                                          const std::string& pin_source);

    base::SecretEntry entry() const {
        return from_file_.empty() ? given_ : base::TypedSecret{from_file_.view()};
    }

    // Who else can read the file, and what to do; empty if nobody can.
    const std::string& exposure() const { return exposure_; }

  private:
    base::SecretEntry given_;
    base::SecretBytes from_file_;
    std::string exposure_;
};

}  // namespace ecryptfs::pkcs11_module
