// SPDX-License-Identifier: Apache-2.0
//
// file: URIs (RFC 8089) of local files.

#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"

namespace ecryptfs::base {

// "file:///home/a/my%20key.pem" for an absolute path: bytes that a URI may not hold are escaped.
std::string file_uri(std::string_view absolute_path);

// The path of file:///path, file:/path or file://localhost/path. kInvalidArgument, with the
// reason, for anything else: another scheme or host, a relative path, a query or fragment, a
// malformed or NUL escape.
Result<std::string> path_of_file_uri(std::string_view uri);

}  // namespace ecryptfs::base
