// SPDX-License-Identifier: Apache-2.0
//
// The advice of the module tpm2: it is followed, with a TPM in software.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "lib/base/hex.h"
#include "tests/contract/advice.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/tpm2_test.h"

namespace ecryptfs::contract {
namespace {

constexpr char kBackup[] = "restore the file from a backup";
constexpr char kNoPin[] = "&auth=none";

class Tpm2Advice : public Tpm2ModuleTest {
  protected:
    Outcome refusal(const std::string& locator, const std::optional<std::string>& pin = {}) const {
        return failure_to_open(module_, {locator, pin});
    }
    std::string persistent_key(const std::string& handle,
                               const test::Arguments& create = {}) const {
        tpm_.create_key("key", create);
        const auto context = tpm_.path("key.ctx");
        tpm_.tool("tpm2_load", {"-Q", "-C", tpm_.path("parent.ctx"), "-u", tpm_.path("key.pub"),
                                "-r", tpm_.path("key.priv"), "-c", context});
        tpm_.tool("tpm2_evictcontrol", {"-Q", "-C", "o", "-c", context, handle});
        return "handle:" + handle + tpm_.query();
    }
    // A key file put together by hand, of fields in the words of asn1parse -genconf; `more`:
    // sections that these name.
    std::string file_of(const std::vector<std::string>& fields,
                        const std::string& more = "") const {
        std::string conf = "asn1=SEQUENCE:key\n[key]\n";
        for (std::size_t i = 0; i < fields.size(); ++i) {
            conf += "field" + std::to_string(i) + "=" + fields[i] + "\n";
        }
        tpm_.write("conf", conf + more);
        tpm_.run("openssl",
                 {"asn1parse", "-noout", "-genconf", tpm_.path("conf"), "-out", tpm_.path("der")});
        return tpm_.write("made.pem", "-----BEGIN TSS2 PRIVATE KEY-----\n" +
                                          tpm_.run("openssl", {"base64", "-in", tpm_.path("der")}) +
                                          "-----END TSS2 PRIVATE KEY-----\n") +
               kNoPin;
    }
    std::string octets(const std::string& name) const {
        return "FORMAT:HEX,OCTETSTRING:" + base::to_hex(base::as_bytes(tpm_.read(name)));
    }
};

// ---- PINs

TEST_F(Tpm2Advice, WorksForPins) {
    tpm_.run("tpm2_dictionarylockout", {"-s", "-n", "30", "-t", "1000", "-l", "1000"});
    const TestKey key = make("right");
    expect_advice(refusal(key.locator), ECRYPTFS_PKI_SECRET_REQUIRED,
                  "give the PIN of the key; if it has none, add ?auth=none to its URI");
    expect_advice(refusal(key.locator + kNoPin), ECRYPTFS_PKI_SECRET_REQUIRED,
                  "give the PIN of the key, and no ?auth=none in its URI");
    expect_advice(refusal(key.locator, "wrong"), ECRYPTFS_PKI_WRONG_SECRET,
                  "try again; the TPM counts wrong PINs and locks itself for a while");
    expect_advice(refusal(key.locator, std::string(33, 'x')), ECRYPTFS_PKI_WRONG_SECRET,
                  "try again: no PIN of this key has more than 32 bytes");
    expect_usable(key);
    tpm_.create_key("no-pin");
    EXPECT_EQ(refusal(tpm_.locator("no-pin.pem")).status, ECRYPTFS_PKI_SECRET_REQUIRED);
    expect_usable({tpm_.locator("no-pin.pem") + kNoPin});
}

TEST_F(Tpm2Advice, WorksForLockedTpm) {
    const TestKey key = make("right");
    tpm_.run("tpm2_dictionarylockout", {"-s", "-n", "1", "-t", "1000", "-l", "1000"});
    EXPECT_EQ(refusal(key.locator, "wrong").status, ECRYPTFS_PKI_WRONG_SECRET);
    const auto locked = refusal(key.locator, "right");
    expect_advice(locked, ECRYPTFS_PKI_SECRET_LOCKED_OUT,
                  "or reset the count, with --auth PASSWORD if there is a lockout password: "
                  "tpm2_dictionarylockout --tcti " +
                      tpm_.tcti() + " --clear-lockout");
    follow(locked.advice);
    expect_usable(key);
}

// ---- PCRs

TEST_F(Tpm2Advice, WorksForPcrs) {
    tpm_.run("tpm2_createpolicy",
             {"-Q", "--policy-pcr", "-l", "sha256:7", "-L", tpm_.path("policy")});
    tpm_.tool("tpm2_flushcontext", {"-l"});
    const auto bound = persistent_key(
        "0x81000010",
        {"-L", tpm_.path("policy"), "-a", "fixedtpm|fixedparent|sensitivedataorigin|decrypt"});
    expect_advice(refusal(bound), ECRYPTFS_PKI_NOT_SUPPORTED,
                  "if it is bound to PCRs, add them to its URI, as ?pcrs=sha256:7+11");
    expect_advice(refusal(bound + "&pcrs=sha256:8"), ECRYPTFS_PKI_ACCESS_DENIED,
                  "name the PCRs that it is bound to; or start the system as it was when the key "
                  "was made");
    expect_advice(refusal(bound + "&pcrs=7"), ECRYPTFS_PKI_INVALID_LOCATOR,
                  "name a bank and its PCRs, as sha256:7+11");
    expect_usable({bound + "&pcrs=sha256:7"});
    const TestKey key =
        made(module_, {tpm_.locator("bound.pem"), 2048, {}, {{"pcrs", "sha256:7+11"}}});
    extend_pcr("11");
    expect_advice(refusal(key.locator), ECRYPTFS_PKI_ACCESS_DENIED,
                  "start the system as it was when the key was made, or use another key to the "
                  "files");
    tpm_.stop();
    tpm_.start();
    expect_usable(key);
}

TEST_F(Tpm2Advice, WorksForMissingBanks) {
    ::setenv("ECRYPTFS_TPM2_TCTI", tpm_.tcti().c_str(), 1);
    expect_advice(generate(module_, {tpm_.locator("new.pem"), 2048, {}, {{"pcrs", "sha3_512:1"}}}),
                  ECRYPTFS_PKI_NOT_SUPPORTED,
                  "choose a bank and PCRs that it has; see the banks: ecryptfsctl list-tokens");
    // What that verb shows; it is run in tests/integration/advice_test.cpp.
    EXPECT_THAT(listed(module_, ECRYPTFS_PKI_TOKENS).at(0).property("pcr-banks"),
                testing::HasSubstr("sha256"));
    ::unsetenv("ECRYPTFS_TPM2_TCTI");
    expect_usable(made(module_, {tpm_.locator("new.pem"), 2048, {}, {{"pcrs", "sha256:1"}}}));
}

// ---- files and handles

TEST_F(Tpm2Advice, WorksForUris) {
    constexpr char kNameOne[] =
        "name a TSS2 PEM file, as file:///absolute/path, or a persistent object, as "
        "handle:0x81000001";
    for (const std::string uri : {"file:///key.pem?tpm=x", "handle:0x80000001", "key.pem"}) {
        expect_advice(refusal(uri), ECRYPTFS_PKI_INVALID_LOCATOR, kNameOne);
    }
    const auto none = refusal("handle:0x81000042" + tpm_.query());
    expect_advice(none, ECRYPTFS_PKI_NOT_FOUND,
                  "see which there are: tpm2_getcap --tcti " + tpm_.tcti() + " handles-persistent");
    const auto key = persistent_key("0x81000010");
    EXPECT_THAT(follow(none.advice), testing::HasSubstr("0x81000010"));
    expect_usable({key + kNoPin});
}

TEST_F(Tpm2Advice, WorksForFilesOfOtherKeys) {
    const auto of_file = [&](const std::string& contents) {
        return refusal(tpm_.write("key.pem", contents) + kNoPin);
    };
    expect_advice(of_file("no key"), ECRYPTFS_PKI_INVALID_KEY, "name the TSS2 PEM file of the key");
    expect_advice(of_file(to_pem(*make_rsa_key(2048), PemForm::kPkcs8)), ECRYPTFS_PKI_INVALID_KEY,
                  "use the module openssl for this file: --module openssl");
    tpm_.create_key("ecc", {"-G", "ecc256:ecdsa", "-a",
                            "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"});
    expect_advice(refusal(tpm_.locator("ecc.pem") + kNoPin), ECRYPTFS_PKI_INVALID_KEY,
                  "use a key made for decrypting");
    tpm_.create_key("right");
    const auto contents = tpm_.read("right.pem");
    expect_advice(of_file(contents.substr(0, contents.size() / 2)), ECRYPTFS_PKI_INVALID_KEY,
                  kBackup);
    expect_advice(refusal(file_of({"OID:2.23.133.10.1.4", "INTEGER:0x40000001", octets("right.pub"),
                                   octets("right.priv")})),
                  ECRYPTFS_PKI_INVALID_KEY, "import the key with the program that made the file");
    tpm_.write("key.pem", contents);
    expect_usable({tpm_.locator("key.pem") + kNoPin});
}

TEST_F(Tpm2Advice, WorksForInconsistentFiles) {
    tpm_.create_key("right");
    const std::string type = "OID:2.23.133.10.1.3";
    const auto with_policy = [&](const std::string& command) {
        return file_of({type, "EXPLICIT:1,SEQUENCE:policy", "INTEGER:0x40000001",
                        octets("right.pub"), octets("right.priv")},
                       "[policy]\nfirst=SEQUENCE:command\n[command]\ncode=EXPLICIT:0,INTEGER:" +
                           command + "\nrest=EXPLICIT:1,FORMAT:HEX,OCTETSTRING:00\n");
    };
    expect_advice(refusal(with_policy("0x160")), ECRYPTFS_PKI_NOT_SUPPORTED,
                  "use a key without a policy, or with one on PCRs");
    expect_advice(refusal(with_policy("0x16b")), ECRYPTFS_PKI_INVALID_KEY, kBackup);
    expect_advice(
        refusal(file_of({type, "INTEGER:0x40000005", octets("right.pub"), octets("right.priv")})),
        ECRYPTFS_PKI_INVALID_KEY, "restore the key file from a backup");
    expect_advice(
        refusal(file_of({type, "INTEGER:0x81000042", octets("right.pub"), octets("right.priv")})),
        ECRYPTFS_PKI_NOT_FOUND, "check the handle, and that this is the TPM that it was made in");
    expect_usable({tpm_.locator("right.pem") + kNoPin});
}

TEST_F(Tpm2Advice, WorksForKeyOfOtherTpm) {
    const SoftwareTpm other;
    const TestKey key = made(module_, {other.locator("key.pem"), 2048});
    expect_advice(refusal(tpm_.write("key.pem", other.read("key.pem"))), ECRYPTFS_PKI_INVALID_KEY,
                  "use it on the machine on which it was made, and with its parent in place");
    expect_usable(key);
}

// ---- the TPM

TEST_F(Tpm2Advice, WorksForMissingTpm) {
    const TestKey key = make();
    const auto file = "file://" + tpm_.path("key.pem");
    expect_advice(refusal(file + "?tcti=device:/no/tpm"), ECRYPTFS_PKI_NOT_FOUND,
                  "switch the TPM on in the firmware's set-up, if the machine has one");
    tpm_.stop();
    expect_advice(
        refusal(key.locator), ECRYPTFS_PKI_NOT_FOUND,
        "check that the TPM or simulator runs, and that no other program keeps it to itself");
    tpm_.start();
    expect_usable(key);
    const std::string by_network = "swtpm:host=localhost,port=1";
    const auto unreachable = [&] { return refusal(file + "?tcti=" + by_network); };
    expect_advice(unreachable(), ECRYPTFS_PKI_NOT_FOUND,
                  "set the environment variable ECRYPTFS_TPM2_TCTI to one of that kind");
    ::setenv("ECRYPTFS_TPM2_TCTI", by_network.c_str(), 1);
    EXPECT_THAT(unreachable().message, testing::HasSubstr("no TPM answers"));
    ::unsetenv("ECRYPTFS_TPM2_TCTI");
}

// The test adds nobody to a group: it lets everybody use the device instead.
TEST_F(Tpm2Advice, WorksForForbiddenTpm) {
    make();
    tpm_.write("device", "");
    const auto refused = [&] {
        return refusal("file://" + tpm_.path("key.pem") + "?tcti=device:" + tpm_.path("device"));
    };
    expect_advice(as_nobody(refused), ECRYPTFS_PKI_ACCESS_DENIED,
                  "give this user read permission on the file and search permission on its "
                  "folders");
    std::filesystem::permissions(tpm_.path("key.pem"), std::filesystem::perms::all);
    expect_advice(as_nobody(refused), ECRYPTFS_PKI_ACCESS_DENIED,
                  "become a member of the group tss: sudo usermod --append --groups tss "
                  "$(id -un); then log in anew");
    std::filesystem::permissions(tpm_.path("device"), std::filesystem::perms::all);
    EXPECT_EQ(as_nobody(refused).status, ECRYPTFS_PKI_NOT_FOUND) << "it is no TPM";
}

TEST_F(Tpm2Advice, WorksForFullTpm) {
    const TestKey key = make();
    for (int i = 0; i < 3; ++i) {
        tpm_.run("tpm2_createprimary", {"-Q", "-C", "o", "-c", tpm_.path("left.ctx")});
    }
    const auto full = refusal(key.locator);
    const auto flush = "tpm2_flushcontext --tcti " + tpm_.tcti();
    expect_advice(full, ECRYPTFS_PKI_FAILED,
                  "use /dev/tpmrm0, which makes room; or flush what others left: " + flush +
                      " -t && " + flush + " -l");
    const auto command = full.advice.substr(full.advice.find("tpm2_"));
    const auto outcome = test::run({"/bin/sh", {"-c", command}, {{"PATH", "/usr/bin:/bin"}}});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_usable(key);
}

TEST_F(Tpm2Advice, WorksForOwnerPassword) {
    const TestKey key = make();
    tpm_.run("tpm2_changeauth", {"-c", "owner", "secret"});
    const auto refused = refusal(key.locator);
    expect_advice(refused, ECRYPTFS_PKI_ACCESS_DENIED,
                  "use a key below a persistent parent, or remove the password: tpm2_changeauth "
                  "--tcti " +
                      tpm_.tcti() + " --object-context owner --object-auth PASSWORD");
    auto advice = refused.advice;
    advice.replace(advice.find("PASSWORD"), 8, "secret");
    follow(advice);
    expect_usable(key);
}

// ---- new keys

TEST_F(Tpm2Advice, WorksForNewKeys) {
    const auto where = tpm_.locator("new.pem");
    const auto refused = [&](const NewKey& wanted) { return generate(module_, wanted); };
    expect_advice(refused({where, 1024}), ECRYPTFS_PKI_NOT_SUPPORTED,
                  "choose 2048 or 3072 bits, or leave the choice to the module");
    expect_advice(refused({where, 0, {}, {{"colour", "red"}}}), ECRYPTFS_PKI_NOT_SUPPORTED,
                  "the options are curve and pcrs, as in pcrs=sha256:7+11");
    expect_advice(refused({where, 2048, std::string(33, 'x')}), ECRYPTFS_PKI_NOT_SUPPORTED,
                  "choose one of 1 to 32 bytes that are not all zero");
    expect_advice(refused({"handle:0x81000001" + tpm_.query()}), ECRYPTFS_PKI_INVALID_LOCATOR,
                  "name the file to write, as file:///absolute/path, with ?tcti= at most");
    const TestKey key =
        made(module_, {where, 2048, std::string(32, 'x'), {{"pcrs", "sha256:7+11"}}});
    expect_usable(key);
    const OpenKey half(module_, key, ECRYPTFS_PKI_USE_PUBLIC);
    expect_advice(half.decrypt(half.wrap(pattern(19))), ECRYPTFS_PKI_FAILED,
                  "this is a fault of the caller: report it");
}

}  // namespace
}  // namespace ecryptfs::contract
