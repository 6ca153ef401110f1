// SPDX-License-Identifier: Apache-2.0

#include "lib/base/file_uri.h"

#include "tests/fuzz/check.h"

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto text = base::as_text(input);
    if (text.starts_with('/') && text.find('\0') == std::string_view::npos) {
        const auto path = base::path_of_file_uri(base::file_uri(text));
        require(path && *path == text, "a path comes back from its URI");
    }
    const auto path = base::path_of_file_uri(text);
    if (!path) {
        require(path.error().code == base::ErrorCode::kInvalidArgument, "refused by its form");
        require(!path.error().message.empty(), "with a reason");
        return;
    }
    require(path->starts_with('/'), "a path is absolute");
    require(path->find('\0') == std::string::npos, "a path holds no NUL");
    const auto again = base::path_of_file_uri(base::file_uri(*path));
    require(again && *again == *path, "the URI in its normal form means the same");
}
