// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::pkcs11_module {

// A PIN that was given, or else is in the file that the URI's pin-source names (as a path or a
// file: URI): its first line.
class ChosenPin {
  public:
    // Borrows `given`. An empty one says that a person waits. An empty `pin_source`: there is none.
    static base::Result<ChosenPin> choose(std::optional<base::ByteView> given,
                                          const std::string& pin_source);

    std::optional<base::ByteView> view() const {
        return from_file_.empty() ? given_ : from_file_.view();
    }

    // To whom else the file is open, and what to do; empty if to nobody.
    const std::string& exposure() const { return exposure_; }

  private:
    std::optional<base::ByteView> given_;
    base::SecretBytes from_file_;
    std::string exposure_;
};

}  // namespace ecryptfs::pkcs11_module
