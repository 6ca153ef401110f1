// SPDX-License-Identifier: Apache-2.0
//
// Requests a second, beside what does the same without an agent.

#include "tests/bench/figure.h"
#include "tests/bench/key_file.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/softhsm.h"
#include "tests/contract/software_tpm.h"

namespace ecryptfs::bench {

std::vector<Figure> measure_nothing(const Settings& settings) {
    const auto ours = through_agent({"example:b", "example", "", ""}, 32);
    const auto limit = bare_socket(32);
    return {compare(settings,
                    {.name = "requests/s of a module that does nothing",
                     .limit_name = "read and write on the same kind of socket",
                     .target = 0.30},
                    *ours, *limit)};
}

std::vector<Figure> measure_openssl(const Settings& settings) {
    const KeyFile file;
    const auto ours = through_agent(file.key(), 32);
    const auto limit = raw_openssl(file.path());
    return {compare(settings,
                    {.name = "decrypts/s, key file, RSA-2048",
                     .limit_name = "OpenSSL in a loop on all processors",
                     .target = 0.90},
                    *ours, *limit)};
}

std::vector<Figure> measure_pkcs11(const Settings& settings) {
    auto& hsm = contract::SoftHsm::instance();
    hsm.import("contract", "bench", "be",
               contract::to_pem(*contract::make_rsa_key(2048), contract::PemForm::kPkcs8));
    const auto ours = through_agent({"pkcs11:token=contract;object=bench", "pkcs11", contract::kPin,
                                     hsm.folder().path("softhsm2.conf").string()},
                                    32);
    const auto limit = raw_softhsm("bench", contract::kPin);
    return {compare(settings,
                    {.name = "decrypts/s, PKCS#11 (SoftHSM), RSA-2048",
                     .limit_name = "SoftHSM in a loop on all processors",
                     .target = 0.90},
                    *ours, *limit)};
}

std::vector<Figure> measure_tpm2(const Settings& settings) {
    const contract::SoftwareTpm agents;
    const contract::SoftwareTpm raw;
    agents.create_key("key");
    const auto ours = through_agent({agents.locator("key.pem") + "&auth=none", "tpm2", "", ""}, 8);
    const auto limit = raw_tpm(raw.tcti());
    return {compare(settings,
                    {.name = "decrypts/s, TPM 2.0 (swtpm), RSA-2048",
                     .limit_name = "ESYS in a loop on a TPM of its own",
                     .target = 0.90},
                    *ours, *limit)};
}

}  // namespace ecryptfs::bench
