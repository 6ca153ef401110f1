// SPDX-License-Identifier: Apache-2.0
//
// The life of a key of the module tpm2: made, used with few commands, listed, found again after the
// TPM forgot it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/contract/rsa_keys.h"
#include "tests/contract/tpm2_test.h"

namespace ecryptfs::contract {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class Tpm2LifeTest : public Tpm2ModuleTest {
  protected:
    // The commands that `times` decrypts take.
    std::vector<std::uint32_t> commands_of(const OpenKey& key, int times) const {
        const Bytes wrapped = key.wrap(pattern(19));
        const std::size_t before = tpm_.log_size();
        for (int i = 0; i < times; ++i) {
            EXPECT_EQ(key.decrypt(wrapped).bytes, pattern(19));
        }
        return tpm_.commands_since(before);
    }
};

// ---- few commands

TEST_F(Tpm2LifeTest, DecryptTakesOneCommand) {
    const OpenKey key(module_, make("1234"));
    EXPECT_THAT(commands_of(key, 20), testing::AllOf(SizeIs(20), Each(kRsaDecrypt)));
}

TEST_F(Tpm2LifeTest, TwoKeysStillTakeOneCommandEach) {
    const OpenKey key(module_, make("1234"));
    const OpenKey other(module_, made(module_, {tpm_.locator("other.pem"), 2048}));
    for (const OpenKey* each : {&key, &other, &key}) {
        EXPECT_THAT(commands_of(*each, 5), testing::AllOf(SizeIs(5), Each(kRsaDecrypt)));
    }
}

TEST_F(Tpm2LifeTest, EvictedKeyTakesTwoMoreCommands) {
    const OpenKey key(module_, make());
    const OpenKey second(module_, made(module_, {tpm_.locator("second.pem"), 2048}));
    const OpenKey third(module_, made(module_, {tpm_.locator("third.pem"), 2048}));
    EXPECT_THAT(commands_of(key, 2), ElementsAre(kFlush, kContextLoad, kRsaDecrypt, kRsaDecrypt));
    EXPECT_THAT(commands_of(third, 1), ElementsAre(kRsaDecrypt));
}

TEST_F(Tpm2LifeTest, PolicyAddsOnlyItsCommands) {
    const OpenKey key(module_, make("1234", {{"pcrs", "sha256:7"}}));
    EXPECT_THAT(commands_of(key, 2), ElementsAre(kPolicyPcr, kPolicyAuthValue, kRsaDecrypt,
                                                 kPolicyPcr, kPolicyAuthValue, kRsaDecrypt));
}

TEST_F(Tpm2LifeTest, EncryptTakesNoCommand) {
    const OpenKey key(module_, make("1234"));
    const std::size_t before = tpm_.log_size();
    EXPECT_EQ(key.wrap(pattern(19)).size(), 256U);
    EXPECT_EQ(key.describe().modulus_size, 256U);
    EXPECT_THAT(tpm_.commands_since(before), testing::IsEmpty());
}

TEST_F(Tpm2LifeTest, CloseLeavesTpmEmpty) {
    {
        const OpenKey key(module_, make("1234", {{"pcrs", "sha256:7"}}));
        EXPECT_NE(tpm_.run("tpm2_getcap", {"handles-transient"}), "");
        EXPECT_NE(tpm_.run("tpm2_getcap", {"handles-loaded-session"}), "");
    }
    EXPECT_EQ(failure_to_open(module_, {tpm_.locator("key.pem"), "wrong"}).status,
              ECRYPTFS_PKI_WRONG_SECRET);
    EXPECT_EQ(tpm_.run("tpm2_getcap", {"handles-transient"}), "");
    EXPECT_EQ(tpm_.run("tpm2_getcap", {"handles-loaded-session"}), "");
}

// ---- when the TPM forgets

TEST_F(Tpm2LifeTest, UnwrapsAfterReset) {
    const OpenKey key(module_, make("1234"));
    const OpenKey bound(
        module_, made(module_, {tpm_.locator("bound.pem"), 2048, "1234", {{"pcrs", "sha256:7"}}}));
    const Bytes wrapped = key.wrap(pattern(19));
    const Bytes bound_wrapped = bound.wrap(pattern(19));
    for (int i = 0; i < 2; ++i) {
        tpm_.stop();
        tpm_.start();
        EXPECT_EQ(key.decrypt(wrapped).bytes, pattern(19));
        EXPECT_EQ(bound.decrypt(bound_wrapped).bytes, pattern(19));
    }
    EXPECT_THAT(commands_of(key, 3), Each(kRsaDecrypt));
}

TEST_F(Tpm2LifeTest, UnwrapsAfterFlush) {
    const OpenKey key(module_, make("1234"));
    const Bytes wrapped = key.wrap(pattern(19));
    for (const std::string what : {"-t", "-l"}) {
        tpm_.run("tpm2_flushcontext", {what});
        EXPECT_EQ(key.decrypt(wrapped).bytes, pattern(19)) << what;
    }
}

TEST_F(Tpm2LifeTest, ReportsLostTpmAndRecovers) {
    const OpenKey key(module_, make("1234"));
    const Bytes wrapped = key.wrap(pattern(19));
    tpm_.stop();
    EXPECT_THAT(key.decrypt(wrapped), fails(ECRYPTFS_PKI_TOKEN_REMOVED, "no TPM answers", "check"));
    tpm_.start();
    EXPECT_EQ(key.decrypt(wrapped).bytes, pattern(19));
}

// ---- new keys

TEST_F(Tpm2LifeTest, NewFileIsForItsOwnerOnly) {
    ::umask(0);
    make("1234");
    struct stat status = {};
    ASSERT_EQ(::stat(tpm_.path("key.pem").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(Tpm2LifeTest, NewKeyOverwritesNothing) {
    tpm_.write("key.pem", "mine");
    EXPECT_THAT(generate(module_, {tpm_.locator("key.pem"), 2048}),
                fails(ECRYPTFS_PKI_ALREADY_EXISTS, "key.pem already exists", "another name"));
    EXPECT_EQ(tpm_.read("key.pem"), "mine");
}

TEST_F(Tpm2LifeTest, NewKeyHasWantedOrBestSize) {
    for (const std::uint32_t bits : {2048U, 3072U, 0U}) {
        const TestKey key = made(module_, {tpm_.locator(std::to_string(bits)), bits});
        expect_usable(key);
        EXPECT_EQ(OpenKey(module_, key).describe().modulus_size, (bits == 0 ? 3072 : bits) / 8);
    }
    for (const std::uint32_t bits : {1024U, 2049U, 8192U}) {
        EXPECT_THAT(generate(module_, {tpm_.locator("no.pem"), bits}),
                    fails(ECRYPTFS_PKI_NOT_SUPPORTED, std::to_string(bits), "2048"));
    }
    EXPECT_FALSE(std::filesystem::exists(tpm_.path("no.pem")));
}

TEST_F(Tpm2LifeTest, ReportsWhatItCannotMake) {
    const auto failure = [&](const NewKey& key) { return generate(module_, key); };
    const std::string where = tpm_.locator("no.pem");
    EXPECT_THAT(failure({where, 0, {}, {{"colour", "red"}}}),
                fails(ECRYPTFS_PKI_NOT_SUPPORTED, "\"colour\"", "pcrs"));
    EXPECT_THAT(failure({where, 0, {}, {{"pcrs", "sha256:24"}}}),
                fails(ECRYPTFS_PKI_INVALID_LOCATOR, "\"24\"", "sha256:7+11"));
    EXPECT_THAT(failure({where, 0, {}, {{"pcrs", "md5:1"}}}),
                fails(ECRYPTFS_PKI_INVALID_LOCATOR, "a known bank", "sha256:7+11"));
    EXPECT_THAT(failure({where, 0, {}, {{"pcrs", "sha3_512:1"}}}),
                fails(ECRYPTFS_PKI_NOT_SUPPORTED, "sha3_512:1", "banks"));
    EXPECT_THAT(failure({where, 0, std::string(33, 'x')}),
                fails(ECRYPTFS_PKI_NOT_SUPPORTED, "PIN", "32 bytes"));
    EXPECT_THAT(failure({"handle:0x81000001" + tpm_.query()}),
                fails(ECRYPTFS_PKI_INVALID_LOCATOR, "a new key goes into a file", "file:///"));
    EXPECT_THAT(failure({"file:///no/such/folder/key.pem" + tpm_.query(), 2048}),
                fails(ECRYPTFS_PKI_NOT_FOUND, "/no/such/folder", "folder"));
    EXPECT_FALSE(std::filesystem::exists(tpm_.path("no.pem")));
}

// ---- listings

// With the TPM that the environment names, as the host would have it.
class Tpm2ListingTest : public Tpm2LifeTest {
  protected:
    Tpm2ListingTest() { ::setenv("ECRYPTFS_TPM2_TCTI", tpm_.tcti().c_str(), 1); }
    ~Tpm2ListingTest() override { ::unsetenv("ECRYPTFS_TPM2_TCTI"); }
};

TEST_F(Tpm2ListingTest, ShowsTheTpm) {
    const auto tokens = listed(module_, ECRYPTFS_PKI_TOKENS);
    ASSERT_THAT(tokens, SizeIs(1));
    EXPECT_THAT(tokens[0].label, HasSubstr("IBM"));
    EXPECT_EQ(tokens[0].property("manufacturer"), "IBM");
    EXPECT_EQ(tokens[0].property("rsa-bits"), "3072");
    EXPECT_THAT(tokens[0].property("pcr-banks"), HasSubstr("sha256"));
    EXPECT_EQ(tokens[0].property("wrong-secrets"), "0");
    EXPECT_THAT(tokens[0].uri, testing::StartsWith("file:///"));
}

TEST_F(Tpm2ListingTest, ShowsUsablePersistentKeys) {
    EXPECT_THAT(listed(module_, ECRYPTFS_PKI_KEYS), SizeIs(0));
    tpm_.create_key("key");
    tpm_.tool("tpm2_evictcontrol", {"-Q", "-C", "o", "-c", tpm_.path("parent.ctx"), "0x81000001"});
    tpm_.tool("tpm2_load", {"-Q", "-C", tpm_.path("parent.ctx"), "-u", tpm_.path("key.pub"), "-r",
                            tpm_.path("key.priv"), "-c", tpm_.path("key.ctx")});
    tpm_.tool("tpm2_evictcontrol", {"-Q", "-C", "o", "-c", tpm_.path("key.ctx"), "0x81000010"});
    const auto keys = listed(module_, ECRYPTFS_PKI_KEYS);
    ASSERT_THAT(keys, SizeIs(1));
    EXPECT_EQ(keys[0].uri, "handle:0x81000010");
    EXPECT_EQ(keys[0].property("bits"), "2048");
    expect_usable({keys[0].uri + "?auth=none"});
}

TEST_F(Tpm2ListingTest, ShowsNothingWithoutTpm) {
    ::setenv("ECRYPTFS_TPM2_TCTI", "device:/no/tpm", 1);
    EXPECT_THAT(listed(module_, ECRYPTFS_PKI_TOKENS), SizeIs(0));
    EXPECT_THAT(listed(module_, ECRYPTFS_PKI_KEYS), SizeIs(0));
}

// A child without privileges, since root may use everything.
TEST_F(Tpm2ListingTest, ReportsForbiddenTpm) {
    tpm_.write("device", "");
    std::filesystem::permissions(tpm_.path("device"), std::filesystem::perms::none);
    ::setenv("ECRYPTFS_TPM2_TCTI", ("device:" + tpm_.path("device")).c_str(), 1);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        constexpr uid_t kNobody = 65534;
        if (::geteuid() == 0 && ::seteuid(kNobody) != 0) {
            ::_exit(2);
        }
        ecryptfs_pki_error error = {};
        const auto take = [](void*, const ecryptfs_pki_item*) {};
        const auto status = module_.list(ECRYPTFS_PKI_TOKENS, take, nullptr, &error);
        const bool right = status == ECRYPTFS_PKI_ACCESS_DENIED &&
                           std::string(error.message).find("/device") != std::string::npos &&
                           std::string(error.advice).find("group tss") != std::string::npos;
        ::_exit(right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace ecryptfs::contract
