// SPDX-License-Identifier: Apache-2.0
//
// The advice of the module pkcs11: it is followed, with SoftHSM's tokens and those of the shim.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <p11-kit/pkcs11.h>

#include "tests/contract/advice.h"
#include "tests/contract/new_key.h"
#include "tests/contract/shim_token.h"
#include "tests/fakes/private_keyrings.h"

namespace ecryptfs::contract {
namespace {

constexpr char kSoftHsm[] = "/usr/lib/softhsm/libsofthsm2.so";
constexpr char kSecurityOfficer[] = "so-pin-123";

class Pkcs11Advice : public ShimTest {
  protected:
    void SetUp() override {
        ShimTest::SetUp();
        // Has the registered libraries loaded, which then keep their names.
        refusal({"pkcs11:token=nowhere;object=a"});
    }
    // What follows an advice finds SoftHSM's tokens.
    static std::string done(const std::string& advice, const std::string& answers = "") {
        return follow(advice, answers, {{"SOFTHSM2_CONF", std::getenv("SOFTHSM2_CONF")}});
    }
    static std::string of_tool(std::string_view library, std::string_view token,
                               std::string_view arguments) {
        return fmt::format("pkcs11-tool --module {} --token-label {} {}", library, token,
                           arguments);
    }
    static Outcome refusal(const TestKey& key) { return failure_to_open(abi(), key); }
    static Outcome generation(const std::string& where, std::uint32_t bits = 2048) {
        return generate(abi(), {where, bits, kPin});
    }
    static std::string uri_on(const std::string& token, const std::string& rest) {
        return "pkcs11:token=" + token + ";" + rest;
    }
    static void write_object(const std::string& token, const std::string& type,
                             const std::string& file, const std::string& label,
                             const std::string& id) {
        run_program(of_tool(kSoftHsm, token,
                            fmt::format("--login --pin {} --write-object {} --type {} --label {} "
                                        "--id {}",
                                        kPin, file, type, label, id)));
    }
    static std::string der_of(const std::string& arguments) {
        const auto& folder = SoftHsm::instance().folder();
        const auto der = folder.path("advice.der").string();
        run_program("openssl " + arguments + " -outform der -out " + der);
        return der;
    }
    static std::string new_pem(const std::string& name) {
        const auto& folder = SoftHsm::instance().folder();
        folder.write(name, to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
        return folder.path(name).string();
    }
};

// ---- PINs

TEST_F(Pkcs11Advice, WorksForPins) {
    expect_advice(refusal(key_without_pin()), ECRYPTFS_PKI_SECRET_REQUIRED,
                  "give the PIN when the key is added or unlocked");
    expect_advice(refusal(key_with("999999")), ECRYPTFS_PKI_WRONG_SECRET,
                  "give the right PIN; a few more wrong ones and the token locks itself");
    expect_advice(refusal(key_with("999999")), ECRYPTFS_PKI_WRONG_SECRET, "give the right PIN");
    expect_advice(refusal(key_with("123")), ECRYPTFS_PKI_WRONG_SECRET,
                  "give the right PIN, which has 4 to 255 bytes");
    expect_advice(refusal(key_with(std::string("6\0004\0008\0002\0001\0009\0", 12))),
                  ECRYPTFS_PKI_WRONG_SECRET, "give the PIN alone, as text");
    const auto right = open(key());
    expect_advice(refusal({key("b").locator, "999999"}), ECRYPTFS_PKI_WRONG_SECRET,
                  "give the right PIN; if it was changed, lock the token's other keys first");
    EXPECT_TRUE(works(*right));
}

TEST_F(Pkcs11Advice, WorksForLastTriesOfPin) {
    faults().more_flags = CKF_USER_PIN_FINAL_TRY;
    const auto last = refusal(key());
    expect_advice(last, ECRYPTFS_PKI_SECRET_LOCKED_OUT,
                  "log in once with the right PIN, which resets the count: " +
                      of_tool(ECRYPTFS_SHIM_SO, "shim", "--login --list-objects"));
    EXPECT_NE(done(last.advice, std::string("--pin ") + kPin).find("Private Key Object"),
              std::string::npos);
    faults().more_flags = CKF_USER_PIN_LOCKED;
    const auto locked = refusal(key());
    expect_advice(locked, ECRYPTFS_PKI_SECRET_LOCKED_OUT,
                  "unblock it with the PUK and its own tool, or as its security officer: " +
                      of_tool(ECRYPTFS_SHIM_SO, "shim", "--login --login-type so --init-pin"));
    done(locked.advice, fmt::format("--so-pin {} --new-pin {}", kSecurityOfficer, kPin));
    faults().more_flags = 0;
    EXPECT_TRUE(works(*open(key())));
}

TEST_F(Pkcs11Advice, WorksForOneMoreTry) {
    // The flag comes as the PIN is refused, so that this one is tried.
    faults().flags_after_login = CKF_USER_PIN_FINAL_TRY;
    expect_advice(refusal(key_with("777777")), ECRYPTFS_PKI_WRONG_SECRET,
                  "give the right PIN; only one more try is left before the token locks itself");
}

TEST_F(Pkcs11Advice, WorksForTokenWithoutPin) {
    faults().login_fails = CKR_USER_PIN_NOT_INITIALIZED;
    const auto refused = refusal(key());
    expect_advice(refused, ECRYPTFS_PKI_ACCESS_DENIED,
                  "set one as its security officer: " +
                      of_tool(ECRYPTFS_SHIM_SO, "shim", "--login --login-type so --init-pin"));
    done(refused.advice, fmt::format("--so-pin {} --new-pin {}", kSecurityOfficer, kPin));
    faults().login_fails = CKR_OK;
    EXPECT_TRUE(works(*open(key())));
}

TEST_F(Pkcs11Advice, WorksForExpiredPin) {
    faults().login_fails = CKR_PIN_EXPIRED;
    const auto refused = refusal(key());
    expect_advice(refused, ECRYPTFS_PKI_ACCESS_DENIED,
                  "change it: " + of_tool(ECRYPTFS_SHIM_SO, "shim", "--login --change-pin"));
    done(refused.advice, fmt::format("--pin {} --new-pin {}", kPin, kPin));
    faults().login_fails = 0;
    EXPECT_TRUE(works(*open(key())));
}

TEST_F(Pkcs11Advice, WorksForPinPad) {
    faults().pad = true;
    expect_advice(refusal(key_without_pin()), ECRYPTFS_PKI_SECRET_AT_DEVICE,
                  "add or unlock the key where you can reach the pad");
    expect_advice(refusal(key_with("")), ECRYPTFS_PKI_SECRET_AT_DEVICE,
                  "add or unlock the key again, and type the PIN when the pad asks");
    faults().typed = kPin;
    EXPECT_TRUE(works(*open(key_with(""))));
    faults().confirm_each = "a";
    expect_advice(refusal(key_with("")), ECRYPTFS_PKI_NOT_SUPPORTED,
                  "use a key without CKA_ALWAYS_AUTHENTICATE, or give the PIN here");
    EXPECT_TRUE(works(*open(key())));
}

TEST_F(Pkcs11Advice, WorksForPinInFile) {
    const auto& folder = SoftHsm::instance().folder();
    const auto with = [&](const std::string& source) {
        return TestKey{key().locator + "&pin-source=" + source};
    };
    constexpr char kAdvice[] =
        "let pin-source name a file whose first line is the PIN, or leave it out to be asked";
    expect_advice(refusal(with("%7Ccat")), ECRYPTFS_PKI_INVALID_LOCATOR, kAdvice);
    expect_advice(refusal(with(folder.uri("absent"))), ECRYPTFS_PKI_NOT_FOUND, kAdvice);
    expect_advice(refusal(with(folder.write("empty-pin", "\n"))), ECRYPTFS_PKI_SECRET_REQUIRED,
                  kAdvice);
    expect_advice(refusal(with(folder.write("control",
                                            "64\x01"
                                            "82"))),
                  ECRYPTFS_PKI_INVALID_LOCATOR, "write the file anew");
    const auto slip = refusal(with(folder.write("blank-pin", std::string(kPin) + " \n")));
    const auto path = folder.path("blank-pin").string();
    expect_advice(slip, ECRYPTFS_PKI_INVALID_LOCATOR,
                  fmt::format("(umask 077; sed 's/^[[:blank:]]*//; s/[[:blank:]]*$//' <{0} "
                              ">{0}.new), and give {0}.new",
                              path));
    run_program(slip.advice.substr(0, slip.advice.find(", and give")));
    EXPECT_TRUE(works(*open(with(path + ".new"))));
}

// ---- what a URI names

TEST_F(Pkcs11Advice, WorksForUris) {
    constexpr char kSeeKeys[] = "see how keys are named: ecryptfsctl list-keys --available";
    for (const std::string uri :
         {"pkcs11:token=shim;object=a;colour=red", "pkcs11:token=%zz", "file:///key.pem"}) {
        expect_advice(refusal({uri}), ECRYPTFS_PKI_INVALID_LOCATOR, kSeeKeys);
    }  // that command is run in tests/integration/advice_test.cpp
    expect_advice(refusal({"pkcs11:token=shim;token=shim;object=a"}), ECRYPTFS_PKI_INVALID_LOCATOR,
                  "give it once");
    expect_advice(refusal({"pkcs11:token=shim;object=a?pin-value=1"}), ECRYPTFS_PKI_INVALID_LOCATOR,
                  "leave it out to be asked for it, or name a file that holds it: "
                  "pin-source=file:/…");
    expect_advice(refusal({"pkcs11:slot-id=1;object=a"}), ECRYPTFS_PKI_INVALID_LOCATOR,
                  "name the token by token= and serial=, and the library by module-path= or "
                  "module-name=");
    expect_advice(refusal({"pkcs11:token=shim;object=a;type=data"}), ECRYPTFS_PKI_INVALID_LOCATOR,
                  "name a private key: type=private");
    expect_advice(refusal({key().locator + "&x-mechanism=magic", kPin}),
                  ECRYPTFS_PKI_INVALID_LOCATOR,
                  "leave it out: the module then finds out what the token can do");
    faults().hide_oaep = true;
    expect_advice(refusal({key().locator + "&x-mechanism=rsa-oaep-sha1", kPin}),
                  ECRYPTFS_PKI_NOT_SUPPORTED,
                  "leave out x-mechanism: the module then finds out what the token can do");
    EXPECT_TRUE(works(*open(key())));
    EXPECT_TRUE(works(*open(
        {"pkcs11:token=shim;object=a;type=private?module-path=" + std::string(ECRYPTFS_SHIM_SO),
         kPin})));
}

TEST_F(Pkcs11Advice, WorksForMissingToken) {
    const auto by_library = [](const std::string& library) {
        return refusal({"pkcs11:token=absent;object=a?module-path=" + library, kPin});
    };
    const auto others = by_library(kSoftHsm);
    EXPECT_EQ(others.status, ECRYPTFS_PKI_NOT_FOUND);
    constexpr std::string_view kThereIs = "insert the token; in reach: ";
    ASSERT_TRUE(others.advice.starts_with(kThereIs)) << others;
    const auto first =
        others.advice.substr(kThereIs.size(), others.advice.find(" or ") - kThereIs.size());
    EXPECT_NE(refusal({"pkcs11:" + first + ";object=none", kPin}).message, others.message)
        << first << " is a token";

    faults().removed = true;
    const auto none = by_library(ECRYPTFS_SHIM_SO);
    expect_advice(none, ECRYPTFS_PKI_NOT_FOUND,
                  fmt::format("insert the token; see which are in reach: p11tool --provider {} "
                              "--list-tokens",
                              ECRYPTFS_SHIM_SO));
    faults().removed = false;
    EXPECT_NE(done(none.advice).find("token=shim"), std::string::npos);
}

TEST_F(Pkcs11Advice, WorksForMissingLibrary) {
    const auto refused = refusal({"pkcs11:token=shim;object=a?module-name=absent", kPin});
    expect_advice(refused, ECRYPTFS_PKI_NOT_FOUND,
                  "see those that are registered: p11-kit list-modules; or name one by "
                  "module-path=");
    EXPECT_NE(done(refused.advice).find("softhsm2"), std::string::npos);
    EXPECT_EQ(refusal({"pkcs11:token=shim;object=none?module-name=softhsm2", kPin}).status,
              ECRYPTFS_PKI_NOT_FOUND);
    const std::string no_library = "/etc/debian_version";
    test::allow_library(no_library);
    expect_advice(refusal({"pkcs11:token=shim;object=a?module-path=" + no_library, kPin}),
                  ECRYPTFS_PKI_NOT_FOUND, "check module-path=");
    EXPECT_TRUE(works(*open(key()))) << "with the right one";
}

TEST_F(Pkcs11Advice, WorksForUnsafeLibraries) {
    const TemporaryFolder folder;
    const auto library = folder.path("p11.so").string();
    run_program("cp " + std::string(kSoftHsm) + " " + library + " && chmod 777 " + library);
    const auto refused = [&] {
        return refusal({"pkcs11:token=nowhere;object=a?module-path=" + library, kPin});
    };
    expect_advice(refused(), ECRYPTFS_PKI_ACCESS_DENIED,
                  "make the library and the folders above it writable by root or this user only");
    run_program("chmod 755 " + library);
    expect_advice(refused(), ECRYPTFS_PKI_ACCESS_DENIED,
                  "if you trust it, add --allow-library " + library);
    test::allow_library(library);
    EXPECT_NE(refused().status, ECRYPTFS_PKI_ACCESS_DENIED);
    expect_advice(refusal({"pkcs11:token=shim;object=a?module-path=a/p11.so", kPin}),
                  ECRYPTFS_PKI_INVALID_LOCATOR,
                  "name the library by a path that begins with a slash");
}

TEST_F(Pkcs11Advice, WorksForTooLongName) {
    const auto pem = new_pem("long.pem");
    write_object("other", "privkey --usage-decrypt", der_of("pkey -in " + pem), "long", "96");
    expect_advice(refusal({uri_on("other", "id=%96?module-path=" + std::string(4015, '/') +
                                               std::string(kSoftHsm).substr(1)),
                           kPin}),
                  ECRYPTFS_PKI_INVALID_LOCATOR, "shorten its label or the module's path");
    EXPECT_TRUE(works(*open({uri_on("other", "id=%96"), kPin})));
}

TEST_F(Pkcs11Advice, WorksForTokensThatLookAlike) {
    faults().twins = true;
    const auto twins = refusal(key());
    expect_advice(twins, ECRYPTFS_PKI_INVALID_LOCATOR,
                  "take one out, or give one another label with its own tool");
    faults().twins = false;
    EXPECT_TRUE(works(*open(key())));
    const auto of_several =
        refusal({fmt::format("pkcs11:object=nowhere?module-path={}", kSoftHsm), kPin});
    EXPECT_EQ(of_several.status, ECRYPTFS_PKI_INVALID_LOCATOR) << of_several;
    EXPECT_TRUE(
        of_several.advice.starts_with("name one of them in the URI, by token= and serial=: token="))
        << of_several;
}

TEST_F(Pkcs11Advice, WorksForAmbiguousUri) {
    SoftHsm::instance().import("other", "alike", "91",
                               to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
    SoftHsm::instance().import("other", "alike", "92",
                               to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
    const auto uri = uri_on("other", "object=alike");
    for (const auto use : {ECRYPTFS_PKI_USE_PRIVATE, ECRYPTFS_PKI_USE_PUBLIC}) {
        const auto refused = failure_to_open(abi(), {uri, kPin}, use);
        EXPECT_EQ(refused.status, ECRYPTFS_PKI_INVALID_LOCATOR);
        constexpr std::string_view kName = "name one of them in the URI: ";
        ASSERT_TRUE(refused.advice.starts_with(kName)) << refused;
        const auto one =
            refused.advice.substr(kName.size(), refused.advice.find(" or ") - kName.size());
        EXPECT_TRUE(works(*open({uri_on("other", one), kPin}))) << one;
    }
    const auto absent = refusal({uri_on("other", "object=absent"), kPin});
    EXPECT_EQ(absent.status, ECRYPTFS_PKI_NOT_FOUND);
    EXPECT_TRUE(absent.advice.starts_with("name one of the token's keys in the URI: ")) << absent;
}

// What ecryptfsctl generate-key is given; that verb is run in tests/integration/advice_test.cpp.
std::string place_in(const std::string& advice) {
    const auto quote = advice.find('\'');
    return advice.substr(quote + 1, advice.rfind('\'') - quote - 1);
}

TEST_F(Pkcs11Advice, WorksForTokenWithoutKeys) {
    const auto refused = refusal({uri_on("empty", "object=files"), kPin});
    EXPECT_EQ(refused.status, ECRYPTFS_PKI_NOT_FOUND);
    EXPECT_THAT(refused.advice,
                testing::MatchesRegex("put an RSA key on it: ecryptfsctl generate-key pkcs11 "
                                      "'pkcs11:token=empty;serial=[0-9a-f]+;object=files;"
                                      "type=private'"));
    EXPECT_EQ(generation(place_in(refused.advice)).status, ECRYPTFS_PKI_OK);
    EXPECT_TRUE(works(*open({uri_on("empty", "object=files"), kPin})));
}

TEST_F(Pkcs11Advice, WorksForKeyThatMayNotDecrypt) {
    faults().only_signs = true;
    const auto refused = refusal(key());
    EXPECT_EQ(refused.status, ECRYPTFS_PKI_INVALID_KEY) << refused;
    EXPECT_EQ(refused.advice.find("use one that may, or make one: ecryptfsctl generate-key pkcs11 "
                                  "'pkcs11:token=shim;serial="),
              0U)
        << refused;
    faults().only_signs = false;
    EXPECT_EQ(generation(place_in(refused.advice)).status, ECRYPTFS_PKI_OK) << refused;
    EXPECT_TRUE(works(*open(key("ecryptfs"))));
    run_program(of_tool(kSoftHsm, "shim",
                        fmt::format("--login --pin {0} --delete-object --type privkey --label "
                                    "ecryptfs",
                                    kPin)));
}

// ---- public halves

TEST_F(Pkcs11Advice, WorksForPublicHalves) {
    faults().hide_public = true;
    faults().hide_numbers = true;
    expect_advice(refusal(key()), ECRYPTFS_PKI_INVALID_KEY,
                  "put its public key or certificate on the token, with the same id");
    faults().hide_public = false;
    EXPECT_TRUE(works(*open(key())));

    SoftHsm::instance().import("other", "mixed", "94",
                               to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
    run_program(
        of_tool(kSoftHsm, "other",
                fmt::format("--login --pin {} --delete-object --type pubkey --id 94", kPin)));
    const auto other = new_pem("mixed.pem");
    write_object("other", "pubkey", der_of("pkey -pubout -in " + other), "mixed", "94");
    expect_advice(refusal({uri_on("other", "id=%94"), kPin}), ECRYPTFS_PKI_INVALID_KEY,
                  "give the key's own public key or certificate its id");
    faults().hide_numbers = true;
    faults().hide_oaep = true;
    expect_advice(refusal({uri_on("other", "id=%94") + "?module-path=" + ECRYPTFS_SHIM_SO, kPin}),
                  ECRYPTFS_PKI_INVALID_KEY,
                  "check that the two belong together, and that the key may decrypt");
}

TEST_F(Pkcs11Advice, WorksForKeysOfCurves) {
    expect_advice(generate(abi(), {uri_on("other", "object=x"), 0, kPin, {{"curve", "x25519"}}}),
                  ECRYPTFS_PKI_NOT_SUPPORTED, "choose another curve, or another place for the key");
    const auto key = made(abi(), {uri_on("other", "object=advised"), 0, kPin, {{"curve", "p256"}}});
    const TestKey on_shim{uri_on("other", "object=advised") + "?module-path=" + ECRYPTFS_SHIM_SO,
                          kPin};
    faults().refuse_plain_points = true;
    faults().refuse_der_points = true;
    expect_advice(refusal(on_shim), ECRYPTFS_PKI_INVALID_KEY,
                  "check that the two belong together, and that the key may do ECDH (CKA_DERIVE)");
    faults().refuse_der_points = false;
    EXPECT_EQ(open(on_shim)->describe().curve, ECRYPTFS_PKI_P256);
    for (const auto* const type : {"privkey", "pubkey"}) {
        run_program(of_tool(
            kSoftHsm, "other",
            fmt::format("--login --pin {} --delete-object --type {} --label advised", kPin, type)));
    }
}

// ---- tokens that go, and that cannot

TEST_F(Pkcs11Advice, WorksForRemovedToken) {
    const auto key = open(this->key());
    const Bytes wrapped = key->wrap(pattern(19));
    faults().removed = true;
    expect_advice(key->decrypt(wrapped), ECRYPTFS_PKI_TOKEN_REMOVED, "put it back and try again");
    faults().removed = false;
    EXPECT_EQ(key->decrypt(wrapped).bytes, pattern(19));
}

TEST_F(Pkcs11Advice, WorksForTokenThatCannotUnwrap) {
    faults().refuse_oaep = true;
    faults().refuse_raw = true;
    faults().refuse_pkcs1 = true;
    const auto key_of_mechanism = TestKey{key().locator + "&x-mechanism=rsa-pkcs", kPin};
    const OpenKey settled(abi(), key_of_mechanism);
    expect_advice(settled.decrypt(settled.wrap(pattern(19))), ECRYPTFS_PKI_NOT_SUPPORTED,
                  "use another key or token");
    SoftHsm::instance().import("other", "able", "95", to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
    EXPECT_TRUE(works(*open({uri_on("other", "object=able"), kPin})));
}

// ---- new keys

TEST_F(Pkcs11Advice, WorksForNewKeys) {
    const auto nameless = generation("pkcs11:token=other");
    expect_advice(nameless, ECRYPTFS_PKI_INVALID_LOCATOR,
                  "write 'pkcs11:token=TOKEN;object=LABEL'; see the tokens: ecryptfsctl "
                  "list-tokens");
    const auto by_library = generation(fmt::format("pkcs11:object=made?module-path={}", kSoftHsm));
    expect_advice(by_library, ECRYPTFS_PKI_INVALID_LOCATOR,
                  fmt::format("write 'pkcs11:token=TOKEN;object=LABEL'; see the tokens: p11tool "
                              "--provider {} --list-tokens",
                              kSoftHsm));
    expect_advice(generation(uri_on("other", "object=made"), 1024), ECRYPTFS_PKI_NOT_SUPPORTED,
                  "take 2048, 3072 or 4096");
    expect_advice(
        generate(abi(), {uri_on("other", "object=made"), 2048, kPin, {{"touch", "always"}}}),
        ECRYPTFS_PKI_NOT_SUPPORTED, "leave it out");
    EXPECT_EQ(generation(uri_on("other", "object=made")).status, ECRYPTFS_PKI_OK);
    expect_advice(generation(uri_on("other", "object=made")), ECRYPTFS_PKI_ALREADY_EXISTS,
                  "choose another, or remove it with the token's own tool");
    EXPECT_EQ(generation(uri_on("other", "object=made%202")).status, ECRYPTFS_PKI_OK);
    const OpenKey half(abi(), {uri_on("other", "object=made")}, ECRYPTFS_PKI_USE_PUBLIC);
    expect_advice(half.decrypt(half.wrap(pattern(19))), ECRYPTFS_PKI_FAILED,
                  "this is a fault of the caller: report it");
}

}  // namespace
}  // namespace ecryptfs::contract
