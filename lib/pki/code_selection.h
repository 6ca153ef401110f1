// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <string_view>

namespace ecryptfs::pki {

// The part of a key's locator that may choose the code that its module loads, such as a PKCS#11
// library (module-path=) or a way to a TPM (tcti=). Any process of the user can write locators, so
// only keys with the same selection may share a host. It is the query without the attributes that
// are known to choose no code, in one order and percent-encoding: a module that completes a locator
// does not change it. Empty if the locator chooses nothing but what the system has set up. Pure.
std::string code_selection(std::string_view locator);

}  // namespace ecryptfs::pki
