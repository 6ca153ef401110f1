// SPDX-License-Identifier: Apache-2.0
//
// PINs and PCRs: what must be so before the TPM uses a key of the module tpm2.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/tpm2_test.h"

namespace ecryptfs::contract {
namespace {

using testing::HasSubstr;
using testing::Not;

class Tpm2SecretTest : public Tpm2ModuleTest {
  protected:
    void set_lockout(const std::string& tries, const std::string& seconds) const {
        tpm_.run("tpm2_dictionarylockout", {"-s", "-n", tries, "-t", seconds, "-l", seconds});
    }
    std::string lockout_counter() const {
        const std::string all = tpm_.run("tpm2_getcap", {"properties-variable"});
        const auto start = all.find("TPM2_PT_LOCKOUT_COUNTER: ");
        return all.substr(start + 25, all.find('\n', start) - start - 25);
    }
};

// ---- PINs

TEST_F(Tpm2SecretTest, BusShowsNeitherPinNorFileKey) {
    const std::string pin = "a PIN of 24 characters..";
    const TestKey key = make(pin);
    const OpenKey open(module_, key);
    const Bytes file_key = pattern(67, 100);
    EXPECT_EQ(open.decrypt(open.wrap(file_key)).bytes, file_key);
    const std::string bus = tpm_.bus();
    EXPECT_GT(bus.size(), 2000U);
    const std::string part(base::as_text(base::ByteView{file_key}.subspan(10, 12)));
    EXPECT_THAT(bus, Not(HasSubstr(pin.substr(0, 12))));
    EXPECT_THAT(bus, Not(HasSubstr(part)));
    // The search would find them: tpm2-tools sends the PIN of a key in the clear if told to.
    tpm_.write("probe", part);
    tpm_.run("tpm2_hash", {"-g", "sha256", "-o", tpm_.path("hash"), tpm_.path("probe")});
    EXPECT_THAT(tpm_.bus(), HasSubstr(part));
}

TEST_F(Tpm2SecretTest, WrongPinIsTriedOnce) {
    set_lockout("30", "1000");
    const TestKey key = make("right");
    EXPECT_THAT(failure_to_open(module_, {key.locator, "wrong"}),
                fails(ECRYPTFS_PKI_WRONG_SECRET, "key.pem", "try again"));
    EXPECT_EQ(lockout_counter(), "0x1");
    expect_usable(key);
    EXPECT_EQ(lockout_counter(), "0x1");
}

TEST_F(Tpm2SecretTest, MissingPinTriesNothing) {
    set_lockout("30", "1000");
    const TestKey key = make("right");
    for (const TestKey& without : {TestKey{key.locator}, TestKey{key.locator, ""}}) {
        EXPECT_THAT(failure_to_open(module_, without),
                    fails(ECRYPTFS_PKI_SECRET_REQUIRED, "key.pem", "PIN"));
    }
    EXPECT_EQ(failure_to_open(module_, {key.locator, std::string(33, 'x')}).status,
              ECRYPTFS_PKI_WRONG_SECRET);
    EXPECT_EQ(lockout_counter(), "0x0");
}

// Version 5.4 of tpm2-tools marks a key as one without a PIN when it is told that there is one.
TEST_F(Tpm2SecretTest, EmptyAuthMarkTriesNothing) {
    set_lockout("30", "1000");
    tpm_.create_key("key", {"-p", "right"});
    tpm_.tool("tpm2_encodeobject", {"-C", tpm_.path("parent.ctx"), "-u", tpm_.path("key.pub"), "-r",
                                    tpm_.path("key.priv"), "-p", "-o", tpm_.path("marked.pem")});
    const std::string marked = tpm_.locator("marked.pem");
    EXPECT_THAT(failure_to_open(module_, {marked}),
                fails(ECRYPTFS_PKI_SECRET_REQUIRED, "marked.pem", "?auth=none"));
    EXPECT_EQ(lockout_counter(), "0x0");
    EXPECT_EQ(failure_to_open(module_, {marked, "wrong"}).status, ECRYPTFS_PKI_WRONG_SECRET);
    EXPECT_EQ(lockout_counter(), "0x1");
    expect_usable({marked, "right"});
    EXPECT_THAT(failure_to_open(module_, {marked + "&auth=none"}),
                fails(ECRYPTFS_PKI_SECRET_REQUIRED, "marked.pem", "no ?auth=none"));
    EXPECT_EQ(lockout_counter(), "0x2");
}

TEST_F(Tpm2SecretTest, AuthNoneTriesNoPin) {
    set_lockout("30", "1000");
    tpm_.create_key("key");
    expect_usable({tpm_.locator("key.pem") + "&auth=none", "needless"});
    EXPECT_EQ(lockout_counter(), "0x0");
}

TEST_F(Tpm2SecretTest, OwnKeyWithoutPinCostsNoTry) {
    set_lockout("30", "1000");
    const TestKey key = make();
    expect_usable(key);
    expect_usable({key.locator, "needless"});
    EXPECT_EQ(lockout_counter(), "0x0");
}

TEST_F(Tpm2SecretTest, TakesEachPossiblePin) {
    set_lockout("30", "1000");
    int number = 0;
    for (const std::string& pin : {std::string("1"), std::string(32, 'x'), std::string("a\0b", 3),
                                   std::string("\xff\xfe"), std::string("zero at the end\0", 16)}) {
        const std::string name = std::to_string(++number) + ".pem";
        const TestKey key = made(module_, {tpm_.locator(name), 2048, pin});
        expect_usable(key);
        EXPECT_EQ(failure_to_open(module_, {key.locator, pin + "x"}).status,
                  ECRYPTFS_PKI_WRONG_SECRET);
    }
}

TEST_F(Tpm2SecretTest, TakesNeedlessPin) {
    const TestKey key = make();
    expect_usable({key.locator, "needless"});
    expect_usable({key.locator, std::string(100, 'x')});
    const TestKey bound =
        made(module_, {tpm_.locator("bound.pem"), 2048, {}, {{"pcrs", "sha256:7"}}});
    expect_usable({bound.locator, "needless"});
}

TEST_F(Tpm2SecretTest, LockedOutTpmSaysHowLong) {
    const TestKey key = make("right");
    const TestKey without_pin = made(module_, {tpm_.locator("other.pem"), 2048});
    set_lockout("2", "1000");
    EXPECT_EQ(failure_to_open(module_, {key.locator, "wrong"}).status, ECRYPTFS_PKI_WRONG_SECRET);
    EXPECT_EQ(failure_to_open(module_, {key.locator, "wrong"}).status, ECRYPTFS_PKI_WRONG_SECRET);
    for (const std::string pin : {"wrong", "right"}) {
        EXPECT_THAT(failure_to_open(module_, {key.locator, pin}),
                    fails(ECRYPTFS_PKI_SECRET_LOCKED_OUT, "17 minutes", "tpm2_dictionarylockout"));
    }
    expect_usable(without_pin);  // nothing to guess, so not locked out
    tpm_.run("tpm2_dictionarylockout", {"-c"});
    expect_usable(key);
}

// ---- PCRs

TEST_F(Tpm2SecretTest, BoundKeyOpensWhilePcrsStay) {
    const TestKey key = make({}, {{"pcrs", "sha256:7+11"}});
    expect_usable(key);
    extend_pcr("12");
    expect_usable(key);
}

TEST_F(Tpm2SecretTest, ChangedPcrIsNamed) {
    const TestKey key = make({}, {{"pcrs", "sha256:0+1+2+3+4+5+6+7+11+14"}});
    const OpenKey open(module_, key);
    const Bytes wrapped = open.wrap(pattern(19));
    EXPECT_EQ(open.decrypt(wrapped).bytes, pattern(19));
    extend_pcr("11");
    EXPECT_THAT(open.decrypt(wrapped),
                fails(ECRYPTFS_PKI_ACCESS_DENIED, "PCRs that have changed: sha256:11", "start"));
    EXPECT_THAT(failure_to_open(module_, key),
                fails(ECRYPTFS_PKI_ACCESS_DENIED, "PCRs that have changed: sha256:11", "start"));
    extend_pcr("3");
    EXPECT_THAT(open.decrypt(wrapped),
                fails(ECRYPTFS_PKI_ACCESS_DENIED, "have changed: sha256:3, sha256:11", "start"));
}

TEST_F(Tpm2SecretTest, FileWithoutNotesNamesSelection) {
    const TestKey key = make({}, {{"pcrs", "sha256:7+11"}});
    const std::string pem = tpm_.read("key.pem");
    const std::string block = pem.substr(pem.find("-----BEGIN"));
    ASSERT_NE(block, pem);
    const TestKey bare{tpm_.write("bare.pem", block)};
    expect_usable(bare);
    extend_pcr("11");
    EXPECT_THAT(failure_to_open(module_, bare),
                fails(ECRYPTFS_PKI_ACCESS_DENIED, "sha256:7+11", "start"));
    std::string wrong = pem;
    wrong.replace(wrong.find(" = 00"), 5, " = 11");
    EXPECT_THAT(failure_to_open(module_, {tpm_.write("wrong.pem", wrong)}),
                fails(ECRYPTFS_PKI_ACCESS_DENIED, "sha256:7+11", "start"));
}

TEST_F(Tpm2SecretTest, PolicyMayWantPcrsAndPin) {
    const TestKey key = make("right", {{"pcrs", "sha256:7,sha1:11"}});
    expect_usable(key);
    EXPECT_EQ(failure_to_open(module_, {key.locator}).status, ECRYPTFS_PKI_SECRET_REQUIRED);
    EXPECT_EQ(failure_to_open(module_, {key.locator, "wrong"}).status, ECRYPTFS_PKI_WRONG_SECRET);
    expect_usable(key);
    extend_pcr("7");
    EXPECT_THAT(failure_to_open(module_, key),
                fails(ECRYPTFS_PKI_ACCESS_DENIED, "changed: sha256:7", "start"));
}

TEST_F(Tpm2SecretTest, PolicySurvivesFailure) {
    const OpenKey open(module_, make("right", {{"pcrs", "sha256:7"}}));
    const Bytes wrapped = open.wrap(pattern(19));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(open.decrypt(Bytes(wrapped.size())).status, ECRYPTFS_PKI_DECRYPT_FAILED);
        EXPECT_EQ(open.decrypt(wrapped).bytes, pattern(19));
    }
}

TEST_F(Tpm2SecretTest, BoundPersistentKeyOpens) {
    tpm_.run("tpm2_createpolicy",
             {"-Q", "--policy-pcr", "-l", "sha256:7", "-L", tpm_.path("policy")});
    tpm_.tool("tpm2_flushcontext", {"-l"});
    tpm_.create_key("key", {"-L", tpm_.path("policy"), "-a",
                            "fixedtpm|fixedparent|sensitivedataorigin|decrypt"});
    tpm_.tool("tpm2_load", {"-Q", "-C", tpm_.path("parent.ctx"), "-u", tpm_.path("key.pub"), "-r",
                            tpm_.path("key.priv"), "-c", tpm_.path("key.ctx")});
    tpm_.tool("tpm2_evictcontrol", {"-Q", "-C", "o", "-c", tpm_.path("key.ctx"), "0x81000010"});
    const std::string locator = "handle:0x81000010" + tpm_.query();
    EXPECT_THAT(failure_to_open(module_, {locator}),
                fails(ECRYPTFS_PKI_NOT_SUPPORTED, "0x81000010 has a policy", "?pcrs="));
    expect_usable({locator + "&pcrs=sha256:7"});
    expect_usable({tpm_.locator("key.pem") + "&pcrs=sha256:7"});
    EXPECT_THAT(failure_to_open(module_, {locator + "&pcrs=sha256:8"}),
                fails(ECRYPTFS_PKI_ACCESS_DENIED, "sha256:8", "name the PCRs"));
    const OpenKey open(module_, {locator + "&pcrs=sha256:7"});
    extend_pcr("7");
    EXPECT_THAT(open.decrypt(open.wrap(pattern(19))),
                fails(ECRYPTFS_PKI_ACCESS_DENIED, "changed: sha256:7", "start"));
}

}  // namespace
}  // namespace ecryptfs::contract
