// SPDX-License-Identifier: Apache-2.0

#include "tests/cli/support.h"

namespace ecryptfs::test {

wire::KeySignature signature(std::string_view text) {
    return base::value_or_throw(wire::KeySignature::from_text(text));
}

}  // namespace ecryptfs::test
