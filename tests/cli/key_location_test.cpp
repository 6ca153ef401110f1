// SPDX-License-Identifier: Apache-2.0

#include "cli/input/key_location.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/matchers.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using cli::canonical_uri;
using ::testing::Not;

std::string uri_of(std::string_view typed) {
    const auto uri = canonical_uri(typed, false);
    EXPECT_THAT(uri, Succeeds()) << typed;
    return uri.value_or("");
}

TEST(CanonicalUri, AbsolutePathBecomesFileUri) {
    EXPECT_EQ(uri_of("/home/ada/key.pem"), "file:///home/ada/key.pem");
}

TEST(CanonicalUri, RelativePathBecomesAbsolute) {
    const TemporaryFolder folder;
    ASSERT_EQ(::chdir(folder.path().c_str()), 0);
    const auto here = "file://" + folder.path().string();
    EXPECT_EQ(uri_of("key.pem"), here + "/key.pem");
    EXPECT_EQ(uri_of("./a/./key.pem"), here + "/a/key.pem");
}

TEST(CanonicalUri, ResolvesParentOfSymbolicLink) {
    const TemporaryFolder folder;
    std::filesystem::create_directories(folder.path() / "real/deep");
    std::filesystem::create_directory_symlink(folder.path() / "real/deep", folder.path() / "link");
    EXPECT_EQ(uri_of((folder.path() / "link/../key.pem").string()),
              "file://" + std::filesystem::canonical(folder.path()).string() + "/real/key.pem");
}

TEST(CanonicalUri, EncodesReservedCharacters) {
    EXPECT_EQ(uri_of("/a b/100%/ü?#\n.pem"), "file:///a%20b/100%25/%C3%BC%3F%23%0A.pem");
}

TEST(CanonicalUri, FileUriHasOneForm) {
    for (const char* typed : {"file:///k.pem", "file:/k.pem", "FILE:///k.pem",
                              "file://localhost/k.pem", "file:///%6b.pem"}) {
        EXPECT_EQ(uri_of(typed), "file:///k.pem") << typed;
    }
}

TEST(CanonicalUri, NamedModuleGetsQueryOfFileUri) {
    EXPECT_EQ(canonical_uri("FILE:/%6b.pem?tcti=swtpm:path=/run/x&pcrs=sha256:7+11", true),
              "file:///k.pem?tcti=swtpm:path=/run/x&pcrs=sha256:7+11");
    EXPECT_THAT(canonical_uri("file:///k.pem?a b", true),
                FailsWith(ErrorCode::kInvalidArgument, "%20"));
}

TEST(CanonicalUri, TpmHandleKeepsItsQuery) {
    EXPECT_EQ(uri_of("handle:0x81000010?auth=none"), "handle:0x81000010?auth=none");
    EXPECT_EQ(pki::detect_module("handle:0x81000010"), "tpm2");
}

TEST(CanonicalUri, RefusesFileUriOfNoLocalFile) {
    for (const char* typed : {"file:key.pem", "file:", "file://", "file://elsewhere/key.pem",
                              "file:///key%00.pem", "file:///key%zz", "file:key.pem?a=b"}) {
        EXPECT_THAT(canonical_uri(typed, false), FailsWith(ErrorCode::kInvalidArgument, "file:"))
            << typed;
    }
}

TEST(CanonicalUri, KeepsQueryOfFileUri) {
    EXPECT_EQ(uri_of("file:/a%2db.pem?tcti=swtpm:port=1"), "file:///a-b.pem?tcti=swtpm:port=1");
}

TEST(CanonicalUri, PathIsTakenLiterally) {
    EXPECT_EQ(uri_of("/a?b.pem"), "file:///a%3Fb.pem");
}

TEST(CanonicalUri, KeepsTpmHandle) {
    EXPECT_EQ(uri_of("handle:0x81000001"), "handle:0x81000001");
    EXPECT_EQ(pki::detect_module("handle:0x81000001"), "tpm2");
}

TEST(CanonicalUri, KeepsPkcs11Uri) {
    const std::string uri = "pkcs11:token=my%20card;object=k;type=private?pin-source=file:/p";
    EXPECT_EQ(uri_of(uri), uri);
    EXPECT_EQ(uri_of("PKCS11:token=T"), "pkcs11:token=T");
}

TEST(CanonicalUri, RefusesPinInUriWithoutRepeatingIt) {
    for (const char* typed : {"pkcs11:token=t?pin-value=4321", "pkcs11:token=t;pin-value=4321",
                              "pkcs11:pin-value=4321", "pkcs11:token=t?a=b&PIN-VALUE=4321"}) {
        const auto uri = canonical_uri(typed, true);
        ASSERT_THAT(uri, FailsWith(ErrorCode::kInvalidArgument, "pin-value")) << typed;
        EXPECT_THAT(uri, Not(FailsWith(ErrorCode::kInvalidArgument, "4321"))) << typed;
    }
}

TEST(CanonicalUri, NameMayContainPinValue) {
    EXPECT_EQ(uri_of("pkcs11:object=my-pin-value=1"), "pkcs11:object=my-pin-value=1");
}

TEST(CanonicalUri, UnknownSchemeListsKnownOnes) {
    EXPECT_THAT(canonical_uri("https://example.org/key", false),
                FailsWith(ErrorCode::kInvalidArgument, "pkcs11:"));
    EXPECT_THAT(canonical_uri("notes:old.pem", false),
                FailsWith(ErrorCode::kInvalidArgument, "./notes:old.pem"));
}

TEST(CanonicalUri, NamedModuleGetsUnknownScheme) {
    EXPECT_EQ(canonical_uri("vendor:slot/3", true).value_or(""), "vendor:slot/3");
    EXPECT_THAT(canonical_uri("vendor:slot 3", true),
                FailsWith(ErrorCode::kInvalidArgument, "characters"));
}

TEST(CanonicalUri, RefusesEmptyText) {
    EXPECT_THAT(canonical_uri("", false), FailsWith(ErrorCode::kInvalidArgument, "empty"));
}

TEST(ModuleDetection, SchemeNamesModule) {
    EXPECT_EQ(pki::detect_module("pkcs11:token=t"), "pkcs11");
}

TEST(ModuleDetection, TpmKeyIsKnownByContent) {
    const TemporaryFolder folder;
    const auto plain = folder.file("t.pem", "-----BEGIN TSS2 PRIVATE KEY-----\nMII\n");
    const auto commented = folder.file("c.pem", "# laptop\n-----BEGIN TSS2 PRIVATE KEY-----\n");
    const auto old = folder.file("o.pem", "-----BEGIN TSS2 KEY BLOB-----\nMII\n");
    EXPECT_EQ(pki::detect_module("file://" + plain), "tpm2");
    EXPECT_EQ(pki::detect_module("file://" + old), "tpm2");
    EXPECT_EQ(pki::detect_module("file://" + commented), "tpm2");
}

TEST(ModuleDetection, OtherFilesAreForOpenssl) {
    const TemporaryFolder folder;
    const auto key = folder.file("k.pem", "-----BEGIN PRIVATE KEY-----\nMII\n");
    EXPECT_EQ(pki::detect_module("file://" + key), "openssl");
    EXPECT_EQ(pki::detect_module("file://" + folder.file("empty", "")), "openssl");
    EXPECT_EQ(pki::detect_module("file://" + folder.path().string()), "openssl");
    EXPECT_EQ(pki::detect_module("file:///nowhere/key.pem"), "openssl");
    EXPECT_EQ(pki::detect_module("file:///dev/tty"), "openssl");
}

TEST(KeyLocation, TakesNamedModule) {
    const auto location = cli::locate_key("/key.pem", "tpm2");
    ASSERT_THAT(location, Succeeds());
    EXPECT_EQ(location->module, "tpm2");
    EXPECT_EQ(location->locator, "file:///key.pem");
}

TEST(KeyLocation, RefusesModuleNamesLikePaths) {
    for (const char* module : {"../evil", "a/b", "Openssl", "a-name-that-is-too-long", "1st"}) {
        EXPECT_THAT(cli::locate_key("/key.pem", module),
                    FailsWith(ErrorCode::kInvalidArgument, "module"))
            << module;
    }
}

TEST(DisplayName, IsPathOfFile) {
    EXPECT_EQ(cli::display_name("file:///a%20b.pem"), "/a b.pem");
    EXPECT_EQ(cli::display_name("pkcs11:token=t"), "pkcs11:token=t");
}

}  // namespace
}  // namespace ecryptfs::test
