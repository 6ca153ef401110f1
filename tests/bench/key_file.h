// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "tests/bench/side.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/temporary_folder.h"

namespace ecryptfs::bench {

// A new RSA-2048 key in a file without a passphrase, which goes with the object.
class KeyFile {
  public:
    KeyFile()
        : uri_(folder_.write("key.pem", contract::to_pem(*contract::make_rsa_key(2048),
                                                         contract::PemForm::kPkcs8))) {}

    AgentKey key() const { return {uri_, "openssl", "", ""}; }
    std::string path() const { return folder_.path("key.pem").string(); }

  private:
    contract::TemporaryFolder folder_;
    std::string uri_;
};

}  // namespace ecryptfs::bench
