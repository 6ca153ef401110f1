// SPDX-License-Identifier: Apache-2.0
//
// Names for files that cannot have their own. Pure.

#pragma once

#include <string>
#include <string_view>

namespace ecryptfs::cli {

// A name that FAT, exFAT, NTFS and file systems of UTF-8 only can have: bytes that they refuse
// become %XX, and then '%' too; a device's name of DOS gets its first letter so. Cut to 255 bytes.
// The name itself if nothing is wrong with it.
std::string safe_name(std::string_view name);

// The name with a suffix, in at most 255 bytes: the name is cut where a character ends.
std::string with_suffix(std::string name, std::string_view suffix);

// NAME, NAME.2, NAME.3, …: where `number` is 1, 2, 3.
std::string numbered_name(const std::string& name, unsigned number);

}  // namespace ecryptfs::cli
