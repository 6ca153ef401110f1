// SPDX-License-Identifier: Apache-2.0
//
// Lower folders of tests/vectors, unpacked.

#pragma once

#include <fcntl.h>

#include <filesystem>
#include <string>

#include "lib/lower/file_key.h"
#include "lib/lower/passphrase.h"
#include "lib/lowerfs/lower_file.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/support.h"

namespace ecryptfs::test {

inline lowerfs::LowerFile open_lower(const std::filesystem::path& path) {
    return base::value_or_throw(lowerfs::open_lower_file(AT_FDCWD, path));
}

inline const lower::PassphraseKey& correct_horse_key() {
    static const auto key = base::value_or_throw(
        lower::derive_passphrase_key(base::as_bytes("correct-horse"), lower::kDefaultSalt));
    return key;
}

// The key of a file of the passphrase `correct-horse`.
inline lower::FileKey file_key_of(const lowerfs::LowerFile& file) {
    return base::value_or_throw(lower::file_key_from_packet(file.header.value().packets.front(),
                                                            correct_horse_key().key.view()));
}

}  // namespace ecryptfs::test
