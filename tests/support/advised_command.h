// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

namespace ecryptfs::test {

// What an advice has to be typed: all of it, or what stands behind its first colon and blank, up to
// a semicolon outside of quotes or a word that goes on in English.
std::string command_in(const std::string& advice);

}  // namespace ecryptfs::test
