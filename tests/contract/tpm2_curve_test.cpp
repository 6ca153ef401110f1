// SPDX-License-Identifier: Apache-2.0
//
// Keys of curves in the TPM: those that others made, in files and persistent, and those of ours.

#include <gmock/gmock.h>

#include "tests/contract/curve_keys.h"
#include "tests/contract/fails.h"
#include "tests/contract/new_key.h"
#include "tests/contract/tpm2_test.h"

namespace ecryptfs::contract {
namespace {

class Tpm2CurveTest : public Tpm2ModuleTest {
  protected:
    // ECDH of both sides, the other one by OpenSSL.
    void expect_ecdh(const TestKey& test_key, const std::string& curve) const {
        const OpenKey key(module_, test_key);
        const auto description = key.describe();
        const Bytes point(description.point, description.point + description.point_size);
        const auto peer = make_key(curve);
        const auto own = read_point(curve, point);
        EXPECT_EQ(key.derive(point_of(*peer)).bytes, derive_by_openssl(*peer, *own));
    }
    Outcome refusal(const std::string& type, const std::string& attributes) const {
        tpm_.create_key("refused",
                        {"-G", type, "-a",
                         "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|" + attributes});
        return failure_to_open(module_, {tpm_.locator("refused.pem") + "&auth=none"});
    }
};

TEST_F(Tpm2CurveTest, OpensKeysOfTpm2Openssl) {
    tpm_.tool("openssl", {"genpkey", "-provider", "tpm2", "-provider", "default", "-algorithm",
                          "EC", "-pkeyopt", "group:P-256", "-pkeyopt", "user-auth:1234", "-out",
                          tpm_.path("ec.pem")});
    expect_ecdh({tpm_.locator("ec.pem"), "1234"}, "P-256");
}

TEST_F(Tpm2CurveTest, OpensPersistentKeys) {
    tpm_.create_key("ec", {"-G", "ecc384:ecdh", "-a",
                           "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt|noda"});
    tpm_.tool("tpm2_load", {"-Q", "-C", tpm_.path("parent.ctx"), "-u", tpm_.path("ec.pub"), "-r",
                            tpm_.path("ec.priv"), "-c", tpm_.path("ec.ctx")});
    tpm_.tool("tpm2_evictcontrol", {"-Q", "-C", "o", "-c", tpm_.path("ec.ctx"), "0x81000011"});
    expect_ecdh({"handle:0x81000011" + tpm_.query() + "&auth=none"}, "P-384");
}

TEST_F(Tpm2CurveTest, MakesKeysThatWork) {
    for (const std::string curve : {"p256", "p384"}) {
        const auto key =
            made(module_, {tpm_.locator(curve + ".pem"), 0, "1234", {{"curve", curve}}});
        expect_ecdh(key, curve == "p256" ? "P-256" : "P-384");
        EXPECT_EQ(failure_to_open(module_, {key.locator, "4321"}).status,
                  ECRYPTFS_PKI_WRONG_SECRET);
        EXPECT_EQ(failure_to_open(module_, {key.locator}).status, ECRYPTFS_PKI_SECRET_REQUIRED);
    }
    EXPECT_THAT(generate(module_, {tpm_.locator("x.pem"), 0, {}, {{"curve", "x25519"}}}),
                fails(ECRYPTFS_PKI_NOT_SUPPORTED, "the TPM cannot make keys of X25519",
                      "choose another curve"));
    EXPECT_THAT(generate(module_, {tpm_.locator("x.pem"), 2048, {}, {{"curve", "p256"}}}),
                fails(ECRYPTFS_PKI_INVALID_LOCATOR, "no choice of bits", "not both"));
}

TEST_F(Tpm2CurveTest, BindsKeysToPcrs) {
    const auto key =
        made(module_,
             {tpm_.locator("bound.pem"), 0, "1234", {{"curve", "p256"}, {"pcrs", "sha256:16"}}});
    expect_ecdh(key, "P-256");
    extend_pcr("16");
    EXPECT_EQ(failure_to_open(module_, key).status, ECRYPTFS_PKI_ACCESS_DENIED);
}

TEST_F(Tpm2CurveTest, SurvivesResetOfTheTpm) {
    const auto test_key = made(module_, {tpm_.locator("key.pem"), 0, "1234", {{"curve", "p256"}}});
    const OpenKey key(module_, test_key);
    const auto peer = point_of(*make_key("P-256"));
    const auto before = key.derive(peer);
    tpm_.stop();
    tpm_.start();
    EXPECT_EQ(key.derive(peer), before);
}

TEST_F(Tpm2CurveTest, RefusesKeysThatDoNoEcdh) {
    EXPECT_THAT(refusal("ecc256:ecdsa", "sign"),
                fails(ECRYPTFS_PKI_INVALID_KEY, "may not do ECDH", "made for decrypting"));
    EXPECT_THAT(refusal("ecc256:aes128cfb", "restricted|decrypt"),
                fails(ECRYPTFS_PKI_INVALID_KEY, "may not do ECDH", "made for decrypting"));
    EXPECT_THAT(refusal("ecc521", "decrypt"),
                fails(ECRYPTFS_PKI_INVALID_KEY, "is not a key of RSA, P-256 or P-384",
                      "made for decrypting"));
}

TEST_F(Tpm2CurveTest, FixedSchemeUnwrapsByItsHashOnly) {
    tpm_.create_key("fixed", {"-G", "rsa2048:oaep-sha256", "-a",
                              "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt"});
    const OpenKey key(module_, {tpm_.locator("fixed.pem") + "&auth=none"});
    const auto public_key = read_public_key(tpm_.public_pem("fixed"));
    EXPECT_EQ(key.decrypt_oaep("SHA256", wrap_by_oaep(*public_key, "SHA256", pattern(32))).bytes,
              pattern(32));
    EXPECT_THAT(key.decrypt_oaep("SHA1", wrap_by_oaep(*public_key, "SHA1", pattern(32))),
                fails(ECRYPTFS_PKI_NOT_SUPPORTED, "is fixed to another scheme than OAEP with SHA1",
                      "use another key or token"));
}

}  // namespace
}  // namespace ecryptfs::contract
