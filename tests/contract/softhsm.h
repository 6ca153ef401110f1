// SPDX-License-Identifier: Apache-2.0
//
// Tokens of SoftHSM for tests, in a folder that goes with the process. Everything throws on
// failure.

#pragma once

#include <string>
#include <string_view>

#include "tests/contract/temporary_folder.h"

struct evp_pkey_st;

namespace ecryptfs::contract {

inline constexpr char kSoftHsm[] = "/usr/lib/softhsm/libsofthsm2.so";

// Runs a program; what it wrote to its standard output.
std::string run_program(const std::string& command);

class SoftHsm {
  public:
    // The process's one: SoftHSM finds its tokens by the environment.
    static SoftHsm& instance();

    void make_token(std::string_view label, std::string_view pin) const;
    // With PKCS#8 in PEM; the public half as an object of its own.
    void import(std::string_view token, std::string_view pin, std::string_view label,
                std::string_view id_in_hex, const std::string& pem) const;

    const TemporaryFolder& folder() const { return folder_; }

  private:
    SoftHsm();

    TemporaryFolder folder_;
};

}  // namespace ecryptfs::contract
