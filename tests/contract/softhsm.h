// SPDX-License-Identifier: Apache-2.0
//
// Tokens of SoftHSM for tests, in a folder that goes with the process. Everything throws on
// failure.

#pragma once

#include <array>
#include <string>
#include <string_view>

#include "tests/contract/temporary_folder.h"

struct evp_pkey_st;

namespace ecryptfs::contract {

// Runs a program; what it wrote to its standard output.
std::string run_program(const std::string& command);

// Tokens of these labels, each with this PIN.
inline constexpr std::array kTokens{"contract", "shim", "other", "empty"};
inline constexpr char kPin[] = "648219";

class SoftHsm {
  public:
    // The process's one: SoftHSM finds its tokens by the environment, when it is first used.
    static SoftHsm& instance();

    // With PKCS#8 in PEM; the public half as an object of its own.
    void import(std::string_view token, std::string_view label, std::string_view id_in_hex,
                const std::string& pem) const;
    // A key of a curve, by pkcs11-tool, which lets it do ECDH; softhsm2-util does not.
    void import_curve_key(std::string_view token, std::string_view label,
                          std::string_view id_in_hex, const std::string& pem) const;

    const TemporaryFolder& folder() const { return folder_; }

  private:
    SoftHsm();

    TemporaryFolder folder_;
};

}  // namespace ecryptfs::contract
