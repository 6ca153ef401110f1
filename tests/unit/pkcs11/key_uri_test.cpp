// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/key_uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/support.h"

namespace ecryptfs::pkcs11_module {
namespace {

using base::ErrorCode;
using test::FailsWith;
using test::Succeeds;

struct Canonical {
    std::string_view given;
    std::string_view text;
};

TEST(KeyUri, HasOneCanonicalForm) {
    for (const auto& [given, text] : std::to_array<Canonical>({
             {"pkcs11:token=a;object=b", "pkcs11:token=a;object=b;type=private"},
             {"pkcs11:object=b;type=private;token=a", "pkcs11:token=a;object=b;type=private"},
             {"PKCS11:object=b;type=public;token=a", "pkcs11:token=a;object=b;type=private"},
             {"pkcs11:object=b;type=cert;token=a", "pkcs11:token=a;object=b;type=private"},
             {"pkcs11:id=%0a%FFa;token=my%20card",
              "pkcs11:token=my%20card;id=%0A%FF%61;type=private"},
             {"pkcs11:token=a%3bb%2Fc(d)", "pkcs11:token=a%3Bb%2Fc%28d%29;type=private"},
             {"pkcs11:token=%c3%a4", "pkcs11:token=%C3%A4;type=private"},
             {"pkcs11:model=m;manufacturer=f;serial=1;token=a",
              "pkcs11:token=a;serial=1;manufacturer=f;model=m;type=private"},
             {"pkcs11:token=a?x-mechanism=rsa-pkcs&pin-source=file:/p&module-path=/l/x.so",
              "pkcs11:token=a;type=private?module-path=/l/x.so&pin-source=file:/"
              "p&x-mechanism=rsa-pkcs"},
             {"pkcs11:token=a?module-name=s&x-mechanism=rsa%2Doaep-sha256",
              "pkcs11:token=a;type=private?module-name=s&x-mechanism=rsa-oaep-sha256"},
             {"pkcs11:token=a?x-other=1&unknown=2", "pkcs11:token=a;type=private"},
         })) {
        const auto uri = KeyUri::parse(given);
        ASSERT_THAT(uri, Succeeds()) << given;
        EXPECT_EQ(uri->text(), text);
        const auto again = KeyUri::parse(uri->text());
        ASSERT_THAT(again, Succeeds()) << text;
        EXPECT_EQ(again->text(), text);
    }
}

TEST(KeyUri, BadUriIsRefusedWithReason) {
    for (const auto& [given, problem] : std::to_array<Canonical>({
             {"", "not a pkcs11: URI"},
             {"file:///k", "not a pkcs11: URI"},
             {"pkcs11:token=%zz", "does not follow RFC 7512"},
             {"pkcs11:token", "does not follow RFC 7512"},
             {"pkcs11:token=a;colour=b", "a part that is unknown or does not fit"},
             {"pkcs11:token=a;x-own=b", "a part that is unknown or does not fit"},
             {"pkcs11:token=123456789012345678901234567890123", "unknown or does not fit"},
             {"pkcs11:token=a;type=data", "not private, public or cert"},
             {"pkcs11:token=a;type=secret-key", "not private, public or cert"},
             {"pkcs11:token=a;slot-id=1", "names a slot"},
             {"pkcs11:token=a;slot-description=b", "names a slot"},
             {"pkcs11:token=a;library-description=b", "names a slot or a library"},
             {"pkcs11:token=a?x-mechanism=rsa-quantum", "x-mechanism is unknown"},
             {"pkcs11:token=a?pin-value=", "holds a PIN"},
             {"pkcs11:token=a;token=a", "gives token twice"},
             {"pkcs11:token=a?module-path=/a.so&module-path=/b.so", "gives module-path twice"},
             {"pkcs11:token=a?module-path=/a.so& module-\npath=/b.so", "gives module-path twice"},
             {"pkcs11:token=a;id=%01?pin-source=/a&x-mechanism=rsa-pkcs&pin-source=/b",
              "gives pin-source twice"},
         })) {
        EXPECT_THAT(KeyUri::parse(given), FailsWith(ErrorCode::kInvalidArgument, problem)) << given;
    }
}

TEST(KeyUri, ErrorNeverRepeatsPin) {
    for (const std::string_view given :
         {"pkcs11:token=a?pin-value=31415", "pkcs11:token=%zz;pin-value=31415",
          "pkcs11:pin-value=31415", "pkcs11:token=a?pin-value=31415%"}) {
        const auto uri = KeyUri::parse(given);
        ASSERT_FALSE(uri) << given;
        EXPECT_EQ((uri.error().message + uri.error().advice).find("31415"), std::string::npos);
    }
}

TEST(KeyUri, LengthIsLimited) {
    const std::string start = "pkcs11:token=a?pin-source=/";
    EXPECT_THAT(KeyUri::parse(start + std::string(4095 - start.size(), 'x')), Succeeds());
    EXPECT_THAT(KeyUri::parse(start + std::string(4096 - start.size(), 'x')),
                FailsWith(ErrorCode::kInvalidArgument, "4096 bytes, more than 4095"));
}

TEST(KeyUri, MatchesTokensByItsParts) {
    const TokenName token{"card", "0815", "maker", "model"};
    for (const std::string_view fits :
         {"pkcs11:", "pkcs11:token=card", "pkcs11:serial=0815;model=model", "pkcs11:object=any"}) {
        EXPECT_TRUE(KeyUri::parse(fits)->matches(token)) << fits;
    }
    for (const std::string_view other :
         {"pkcs11:token=car", "pkcs11:token=card;serial=815", "pkcs11:manufacturer=Maker"}) {
        EXPECT_FALSE(KeyUri::parse(other)->matches(token)) << other;
    }
}

TEST(KeyUri, TokenUriIsUnambiguous) {
    EXPECT_EQ(token_uri({"a b", "1", "maker", "model"}), "pkcs11:token=a%20b;serial=1");
    EXPECT_EQ(token_uri({"a", "", "maker", "model"}),
              "pkcs11:token=a;manufacturer=maker;model=model");
}

TEST(Mechanism, NameRoundTrips) {
    for (const auto mechanism : kRsaMechanisms) {
        EXPECT_EQ(find_mechanism(mechanism_name(mechanism)), mechanism);
    }
    EXPECT_FALSE(find_mechanism(""));
}

}  // namespace
}  // namespace ecryptfs::pkcs11_module
