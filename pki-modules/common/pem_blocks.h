// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string_view>
#include <vector>

namespace ecryptfs::module {

// One "-----BEGIN LABEL-----" … "-----END LABEL-----".
struct PemBlock {
    std::string_view label;
    std::string_view text;  // with both lines; to the end of the file if the END line is missing
    bool complete = false;
};

// The blocks of a PEM file (RFC 7468), in order. Skips text around them. Pure. Gives views into
// `file`.
std::vector<PemBlock> find_pem_blocks(std::string_view file);

}  // namespace ecryptfs::module
