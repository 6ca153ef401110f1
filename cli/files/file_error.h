// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string_view>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// The advice on an --output that lacks what its file system cannot do.
inline constexpr char kOtherFileSystemAdvice[] = "choose an --output on another file system";

// base::system_error() of a call on a user's file, with advice where the disk is full.
base::Error file_error(std::string_view what, int error_number);

// Of a lower file that has contents and no header.
base::Error missing_header_error();

}  // namespace ecryptfs::cli
