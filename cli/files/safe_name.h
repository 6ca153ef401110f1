// SPDX-License-Identifier: Apache-2.0
//
// Other names for files whose own names are not possible. Pure.

#pragma once

#include <string>
#include <string_view>

namespace ecryptfs::cli {

// A name that FAT, exFAT, NTFS and file systems of UTF-8 only accept. Bytes that they refuse become
// %XX, and so does '%' then. So does the first letter of a DOS device's name. Cut to 255 bytes. A
// name that they accept stays.
std::string safe_name(std::string_view name);

// The name with a suffix, in at most 255 bytes. A long name is cut between two characters.
std::string with_suffix(std::string name, std::string_view suffix);

// NAME, NAME.2, NAME.3, …: where `number` is 1, 2, 3.
std::string numbered_name(const std::string& name, unsigned number);

}  // namespace ecryptfs::cli
