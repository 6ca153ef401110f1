// SPDX-License-Identifier: Apache-2.0

#include "cli/files/file_error.h"

namespace ecryptfs::cli {

base::Error file_error(std::string_view what, int error_number) {
    auto error = base::system_error(what, error_number);
    if (error.code == base::ErrorCode::kNoSpace) {
        error.advice = "make room, and run this again";
    }
    return error;
}

base::Error missing_header_error() {
    return {base::ErrorCode::kMalformed,
            "no eCryptfs header: it is not encrypted, or its beginning is lost"};
}

}  // namespace ecryptfs::cli
