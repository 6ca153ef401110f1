// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/key_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/keys_support.h"
#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using base::ErrorCode;
using test::Bytes;
using test::counted;
using test::FailsWith;
using test::Succeeds;
using test::with_nul;

base::Result<KeySource> source(std::string_view pki_type, base::ByteView blob) {
    return key_source({base::value_or_throw(wire::KeySignature::from_text("0123456789abcdef")),
                       base::value_or_throw(wire::PkiType::from_text(pki_type)), blob});
}

TEST(KeySource, OwnTokenHoldsItsUri) {
    for (const std::string_view uri :
         {"file:///k.pem", "pkcs11:token=a;object=b?x-mechanism=rsa-oaep-sha1"}) {
        const auto found = source("pkcs11", base::as_bytes(uri));
        ASSERT_THAT(found, Succeeds());
        EXPECT_EQ(found->locator, uri);
        EXPECT_EQ(found->module.text(), "pkcs11");
        EXPECT_FALSE(found->secret);
    }
}

TEST(KeySource, Pkcs11HelperBlobBecomesPkcs11Uri) {
    const auto blob = counted({with_nul(R"(SoftHSM\x20project/SoftHSM\x20v2/8f2a/my\x20card/A1B2)"),
                               "certificate", with_nul("1234")});
    for (const std::string_view type : {"pkcs11-helper", "pkcs11"}) {
        const auto found = source(type, blob);
        ASSERT_THAT(found, Succeeds());
        EXPECT_EQ(found->module.text(), "pkcs11");
        EXPECT_EQ(found->locator,
                  "pkcs11:token=my%20card;serial=8f2a;manufacturer=SoftHSM%20project;"
                  "model=SoftHSM%20v2;id=%A1%B2;type=private?x-mechanism=rsa-pkcs");
        ASSERT_TRUE(found->secret);
        EXPECT_EQ(base::as_text(found->secret->view()), "1234");
    }
}

TEST(KeySource, NewerPkcs11HelperBlobHoldsItsUri) {
    const auto found =
        source("pkcs11-helper",
               counted({with_nul("pkcs11:model=m;token=t;serial=1;id=%01"), "certificate", ""}));
    ASSERT_THAT(found, Succeeds());
    EXPECT_EQ(found->locator, "pkcs11:model=m;token=t;serial=1;id=%01?x-mechanism=rsa-pkcs");
    EXPECT_FALSE(found->secret);
}

TEST(KeySource, MalformedBlobIsRefused) {
    EXPECT_THAT(source("pkcs11-helper", counted({with_nul("a/b"), "", ""})),
                FailsWith(ErrorCode::kInvalidToken,
                          "the token of key 0123456789abcdef: serialized id: fewer than five"));
    EXPECT_THAT(source("pkcs11", Bytes{}),
                FailsWith(ErrorCode::kInvalidToken, "pkcs11-helper blob: serialized id needs"));
    EXPECT_THAT(source("tpm2", Bytes(3)),
                FailsWith(ErrorCode::kInvalidToken, "its tpm2 blob does not hold a URI"));
}

}  // namespace
}  // namespace ecryptfs::agent
