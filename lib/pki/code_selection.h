// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <string_view>

namespace ecryptfs::pki {

// What of a key's locator may choose the code that its module loads, such as a PKCS#11 library
// (module-path=) or a way to a TPM (tcti=); anybody of this user writes locators. Keys for which it
// is the same may share a process. That is the query but for attributes that are known to choose no
// code, in one order and percent-encoding: the same before and after a module has settled the
// locator; empty for what the system has set up. Pure.
std::string code_selection(std::string_view locator);

}  // namespace ecryptfs::pki
