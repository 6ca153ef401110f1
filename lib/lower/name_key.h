// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/lower/encrypted_name.h"

namespace ecryptfs::lower {

// The name that was encrypted under a FNEK of 64 bytes (keystore.c:
// ecryptfs_parse_tag_70_packet). In front of it the kernel puts bytes that it makes from the FNEK,
// which tell a wrong FNEK and most damage: kDecryptFailed. kNotSupported for a cipher that OpenSSL
// does not have. The name may hold anything but NUL; whoever makes a file of it looks for slashes.
base::Result<std::string> decrypt_name(const EncryptedName& name, base::ByteView fnek);

}  // namespace ecryptfs::lower
