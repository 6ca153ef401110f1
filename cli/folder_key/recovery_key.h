// SPDX-License-Identifier: Apache-2.0
//
// Recovery keys: generated passphrases of 128 bits, that a person writes down.

#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

// Eight groups of four letters, as "cbde-fghi-jkln-…". The letters are modhex: on nearly all
// keyboards in the same place.
base::Result<base::SecretBytes> generate_recovery_key();

// A recovery key as generate_recovery_key() writes it, from one that was typed with other cases,
// blanks or hyphens. Empty for what is not of this form.
base::Result<base::SecretBytes> canonical_recovery_key(base::ByteView typed);

}  // namespace ecryptfs::cli
