// SPDX-License-Identifier: Apache-2.0
//
// Keys of curves on tokens that differ, and the hashes by which tokens unwrap content keys.

#include <gmock/gmock.h>

#include "tests/contract/curve_keys.h"
#include "tests/contract/fails.h"
#include "tests/contract/new_key.h"
#include "tests/contract/shim_token.h"
#include "tests/contract/softhsm.h"

namespace ecryptfs::contract {
namespace {

using testing::HasSubstr;

class Pkcs11Curve : public ShimTest {
  protected:
    static TestKey on_shim(const std::string& name) {
        return {"pkcs11:token=contract;" + name + "?module-path=" + ECRYPTFS_SHIM_SO, kPin};
    }
    static const evp_pkey_st& private_key() {
        static const Pkey key = [] {
            auto made = make_key("P-256");
            SoftHsm::instance().import_curve_key("contract", "shim curve", "ec0f",
                                                 to_pem(*made, PemForm::kPkcs8));
            return made;
        }();
        return *key;
    }
    static TestKey curve_key() {
        static_cast<void>(private_key());
        return on_shim("object=shim%20curve");
    }
    static bool does_ecdh(const OpenKey& key) {
        const auto peer = make_key("P-256");
        const auto public_half = read_public_key(to_public_pem(private_key()));
        return key.derive(point_of(*peer)).bytes == derive_by_openssl(*peer, *public_half);
    }
    void TearDown() override {
        EXPECT_EQ(faults().derived_objects, 0U) << "a secret was left on the token";
        ShimTest::TearDown();
    }
};

TEST_F(Pkcs11Curve, PointsAreGivenAsTheyAre) {
    const auto key = open(curve_key());
    EXPECT_TRUE(locator_of(*key).ends_with("&x-mechanism=ecdh")) << locator_of(*key);
    EXPECT_EQ(faults().derivations, 1U) << "one trial";
    EXPECT_TRUE(does_ecdh(*key));
}

TEST_F(Pkcs11Curve, PointsAreGivenInDerWhereWanted) {
    faults().refuse_plain_points = true;
    const auto key = open(curve_key());
    EXPECT_TRUE(locator_of(*key).ends_with("&x-mechanism=ecdh-der")) << locator_of(*key);
    EXPECT_TRUE(does_ecdh(*key));
}

TEST_F(Pkcs11Curve, SettledFormStays) {
    for (const std::string name : {"ecdh", "ecdh-der"}) {
        faults().derivations = 0;
        const auto key = open({curve_key().locator + "&x-mechanism=" + name, kPin});
        EXPECT_EQ(faults().derivations, 0U);
        EXPECT_TRUE(locator_of(*key).ends_with("&x-mechanism=" + name)) << locator_of(*key);
        EXPECT_TRUE(does_ecdh(*key));
    }
    EXPECT_EQ(failure_to_open(abi(), {curve_key().locator + "&x-mechanism=rsa-pkcs", kPin}).status,
              ECRYPTFS_PKI_NOT_SUPPORTED);
}

TEST_F(Pkcs11Curve, TokenWithoutEcdhIsNamed) {
    faults().hide_ecdh = true;
    const auto key = curve_key();
    EXPECT_THAT(failure_to_open(abi(), key),
                fails(ECRYPTFS_PKI_NOT_SUPPORTED, "cannot do ECDH", "leave out x-mechanism"));
    faults().hide_ecdh = false;
    faults().refuse_plain_points = true;
    faults().refuse_der_points = true;
    EXPECT_THAT(failure_to_open(abi(), key),
                fails(ECRYPTFS_PKI_INVALID_KEY, "does not compute", "may do ECDH (CKA_DERIVE)"));
}

TEST_F(Pkcs11Curve, SurvivesRemovalAndLostLogin) {
    const auto key = open(curve_key());
    faults().removed = true;
    EXPECT_EQ(key->derive(point_of(*make_key("P-256"))).status, ECRYPTFS_PKI_TOKEN_REMOVED);
    faults().removed = false;
    EXPECT_TRUE(does_ecdh(*key));
    faults().deny_once = true;
    EXPECT_TRUE(does_ecdh(*key));
    log_out_behind_its_back();
    EXPECT_TRUE(does_ecdh(*key));
}

TEST_F(Pkcs11Curve, PointWithoutHeadIsRead) {
    faults().keep_point_raw = true;
    const auto key = open(curve_key());
    const auto description = key->describe();
    EXPECT_EQ(Bytes(description.point, description.point + description.point_size),
              point_of(private_key()));
    EXPECT_TRUE(does_ecdh(*key));
}

// softhsm2-util imports keys of curves for signing alone.
TEST_F(Pkcs11Curve, KeyForSigningIsRefused) {
    const auto made = make_key("P-256");
    SoftHsm::instance().import("contract", "signing", "ec0e", to_pem(*made, PemForm::kPkcs8));
    EXPECT_THAT(failure_to_open(abi(), on_shim("object=signing")),
                fails(ECRYPTFS_PKI_INVALID_KEY, "is not for ECDH (CKA_DERIVE)", "or make one"));
}

TEST_F(Pkcs11Curve, OtherCurvesAreRefused) {
    const auto made = make_key("P-521");
    SoftHsm::instance().import("contract", "large", "ec0d", to_pem(*made, PemForm::kPkcs8));
    EXPECT_THAT(
        failure_to_open(abi(), on_shim("object=large")),
        fails(ECRYPTFS_PKI_INVALID_KEY, "is not of RSA, P-256 or P-384", "generate-key pkcs11"));
}

TEST_F(Pkcs11Curve, KeyIsFoundByItsCertificate) {
    const auto made = make_key("P-384");
    auto& softhsm = SoftHsm::instance();
    softhsm.import_curve_key("contract", "certified", "ec0c", to_pem(*made, PemForm::kPkcs8));
    const auto path = softhsm.folder().path("certified.pem").string();
    softhsm.folder().write("certified.pem", to_pem(*made, PemForm::kPkcs8));
    run_program("openssl req -x509 -new -key " + path + " -subj /CN=a -days 9 -outform DER -out " +
                path + ".crt");
    const std::string tool =
        "pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label "
        "contract --id ec0c --pin " +
        std::string(kPin);
    run_program(tool + " --type cert --label 'the certificate' --write-object " + path + ".crt");
    run_program(tool + " --type pubkey --delete-object");
    const OpenKey half(abi(), {on_shim("object=the%20certificate").locator},
                       ECRYPTFS_PKI_USE_PUBLIC);
    const auto key = open(on_shim("object=the%20certificate"));
    for (const OpenKey* const one : {&half, static_cast<const OpenKey*>(key.get())}) {
        const auto description = one->describe();
        EXPECT_EQ(description.curve, ECRYPTFS_PKI_P384);
        EXPECT_EQ(Bytes(description.point, description.point + description.point_size),
                  point_of(*made));
    }
    const auto peer = make_key("P-384");
    EXPECT_EQ(key->derive(point_of(*peer)).bytes, derive_by_openssl(*peer, *made));
}

TEST_F(Pkcs11Curve, KeysAreListedWithTheirCurve) {
    const auto key = open(curve_key());
    const auto items = listed(abi(), ECRYPTFS_PKI_KEYS);
    const auto found = std::ranges::find(items, "shim curve", &ListedItem::label);
    ASSERT_NE(found, items.end());
    EXPECT_EQ(found->property("curve"), "P-256");
    EXPECT_EQ(found->property("bits"), "");
}

class Pkcs11ContentKeys : public ShimTest {
  protected:
    static Outcome unwrapped(const OpenKey& key, const std::string& hash) {
        return key.decrypt_oaep(hash, wrap_by_oaep(public_key(), hash, pattern(32)));
    }
};

TEST_F(Pkcs11ContentKeys, EachWayOfATokenIsFound) {
    const auto everything_works = [](const OpenKey& key) {
        for (const std::string hash : {"SHA1", "SHA256"}) {
            EXPECT_EQ(unwrapped(key, hash).bytes, pattern(32)) << hash;
        }
    };
    everything_works(*open(key()));  // SHA-256 by CKM_RSA_X_509
    faults().offer_oaep_sha256 = true;
    faults().hide_raw = true;
    everything_works(*open(key()));
    faults().hide_raw = false;
    faults().hide_oaep = true;
    everything_works(*open(key()));
}

TEST_F(Pkcs11ContentKeys, MissingHashIsNamed) {
    faults().hide_raw = true;
    const auto key = open(this->key());
    EXPECT_EQ(unwrapped(*key, "SHA1").bytes, pattern(32));
    EXPECT_THAT(unwrapped(*key, "SHA256"),
                fails(ECRYPTFS_PKI_NOT_SUPPORTED, "cannot unwrap by OAEP with SHA-256",
                      "use another key or token"));
    EXPECT_TRUE(works(*key));
}

// Only the first use tries how.
TEST_F(Pkcs11ContentKeys, WayIsRemembered) {
    const auto key = open(this->key());
    EXPECT_EQ(unwrapped(*key, "SHA256").bytes, pattern(32));
    faults().decryptions = 0;
    EXPECT_EQ(unwrapped(*key, "SHA256").bytes, pattern(32));
    EXPECT_EQ(unwrapped(*key, "SHA1").bytes, pattern(32));
    EXPECT_EQ(faults().decryptions, 2U);
}

}  // namespace
}  // namespace ecryptfs::contract
