// SPDX-License-Identifier: Apache-2.0
//
// New keys of the module openssl, and how their files come into being.

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/contract/fails.h"
#include "tests/contract/new_key.h"
#include "tests/contract/temporary_folder.h"
#include "tests/support/command.h"
#include "tests/support/files.h"

namespace ecryptfs::contract {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class OpensslGenerateTest : public testing::Test {
  protected:
    const ecryptfs_pki_module& module_ = load(ECRYPTFS_OPENSSL_SO);
    TemporaryFolder folder_;

    std::string contents(std::string_view name) const {
        return test::content_of(folder_.path(name));
    }
    void expect_usable(const TestKey& key) const {
        const OpenKey open(module_, key);
        EXPECT_EQ(open.decrypt(open.wrap(pattern(19))).bytes, pattern(19));
    }
    std::size_t files() const {
        const auto all = fs::directory_iterator(folder_.path(""));
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }
};

TEST_F(OpensslGenerateTest, MakesKeysOfTheWantedSize) {
    for (const std::uint32_t bits : {2048U, 3072U, 4096U}) {
        const TestKey key = made(module_, {folder_.uri(std::to_string(bits)), bits});
        expect_usable(key);
        EXPECT_EQ(OpenKey(module_, key).describe().modulus_size, bits / 8);
    }
    const TestKey usual = made(module_, {folder_.uri("usual")});
    EXPECT_EQ(OpenKey(module_, usual).describe().modulus_size, 3072U / 8);
}

TEST_F(OpensslGenerateTest, MakesKeysOfCurves) {
    const std::vector<std::pair<std::string, ecryptfs_pki_curve>> curves{
        {"p256", ECRYPTFS_PKI_P256}, {"p384", ECRYPTFS_PKI_P384}, {"x25519", ECRYPTFS_PKI_X25519}};
    for (const auto& [name, curve] : curves) {
        const TestKey key = made(module_, {folder_.uri(name), 0, "right", {{"curve", name}}});
        EXPECT_EQ(OpenKey(module_, key).describe().curve, curve);
        EXPECT_THAT(contents(name), HasSubstr("BEGIN ENCRYPTED PRIVATE KEY"));
        const auto outcome = test::run({"openssl",
                                        {"pkey", "-check", "-noout", "-passin", "pass:right", "-in",
                                         folder_.path(name).string()}});
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    }
}

TEST_F(OpensslGenerateTest, EncryptsKeyWithItsPassphrase) {
    for (const std::string& passphrase : {std::string("right"), std::string("a\0b", 3)}) {
        const TestKey key =
            made(module_, {folder_.uri(std::to_string(passphrase.size())), 2048, passphrase});
        expect_usable(key);
        EXPECT_EQ(failure_to_open(module_, {key.locator}).status, ECRYPTFS_PKI_SECRET_REQUIRED);
        EXPECT_EQ(failure_to_open(module_, {key.locator, "a"}).status, ECRYPTFS_PKI_WRONG_SECRET);
    }
    EXPECT_THAT(contents("5"), HasSubstr("BEGIN ENCRYPTED PRIVATE KEY"));
    const auto parsed =
        test::run({"openssl", {"asn1parse", "-in", folder_.path("5").string()}}).out;
    EXPECT_THAT(parsed, HasSubstr("aes-256-cbc"));
    EXPECT_THAT(parsed, HasSubstr("scrypt"));
}

TEST_F(OpensslGenerateTest, OpensslProgramReadsItsFiles) {
    made(module_, {folder_.uri("plain"), 2048});
    made(module_, {folder_.uri("encrypted"), 2048, "right"});
    for (const std::string name : {"plain", "encrypted"}) {
        const auto outcome = test::run({"openssl",
                                        {"pkey", "-check", "-noout", "-passin", "pass:right", "-in",
                                         folder_.path(name).string()}});
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    }
}

TEST_F(OpensslGenerateTest, TakesEmptySecretForNone) {
    expect_usable({made(module_, {folder_.uri("key.pem"), 2048, ""}).locator});
}

TEST_F(OpensslGenerateTest, OnlyOwnerMayReadTheFile) {
    const auto mask = ::umask(0);
    made(module_, {folder_.uri("key.pem"), 2048});
    ::umask(mask);
    struct stat status = {};
    ASSERT_EQ(::stat(folder_.path("key.pem").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(OpensslGenerateTest, NeverOverwrites) {
    folder_.write("file", "mine");
    fs::create_directory(folder_.path("folder"));
    fs::create_symlink("nowhere", folder_.path("link"));
    for (const std::string name : {"file", "folder", "link"}) {
        EXPECT_THAT(generate(module_, {folder_.uri(name), 2048}),
                    fails(ECRYPTFS_PKI_ALREADY_EXISTS, name + " already exists", "another name"));
    }
    EXPECT_EQ(contents("file"), "mine");
    EXPECT_FALSE(fs::exists(folder_.path("nowhere")));
    EXPECT_EQ(files(), 3U);
}

TEST_F(OpensslGenerateTest, OneOfManyMakesTheSameFile) {
    std::atomic<int> made_it = 0;
    std::vector<std::thread> makers;
    for (int i = 0; i < 4; ++i) {
        makers.emplace_back([&] {
            const Outcome outcome = generate(module_, {folder_.uri("key.pem"), 2048});
            made_it += outcome.status == ECRYPTFS_PKI_OK ? 1 : 0;
            EXPECT_TRUE(outcome.status == ECRYPTFS_PKI_OK ||
                        outcome.status == ECRYPTFS_PKI_ALREADY_EXISTS);
        });
    }
    std::ranges::for_each(makers, &std::thread::join);
    EXPECT_EQ(made_it, 1);
    EXPECT_EQ(files(), 1U);
    expect_usable({folder_.uri("key.pem")});
}

TEST_F(OpensslGenerateTest, KillLeavesNoDraft) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        for (int i = 0;; ++i) {
            static_cast<void>(generate(module_, {folder_.uri(std::to_string(i)), 2048}));
        }
    }
    const auto end = std::chrono::steady_clock::now() + test::kPatience;
    while (files() < 3 && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ASSERT_GE(files(), 3U);
    for (const auto& file : fs::directory_iterator(folder_.path(""))) {
        expect_usable({"file://" + file.path().string()});  // whole, and under its own name
    }
}

TEST_F(OpensslGenerateTest, ReportsWhatItCannotMake) {
    for (const std::uint32_t bits : {1U, 1024U, 2049U, 8192U}) {
        EXPECT_THAT(generate(module_, {folder_.uri("key.pem"), bits}),
                    fails(ECRYPTFS_PKI_NOT_SUPPORTED, std::to_string(bits), "2048, 3072 or 4096"));
    }
    EXPECT_THAT(generate(module_, {folder_.uri("key.pem"), 0, {}, {{"colour", "red"}}}),
                fails(ECRYPTFS_PKI_NOT_SUPPORTED, "\"colour\"", "curve"));
    EXPECT_EQ(generate(module_, {"http://h/k"}).status, ECRYPTFS_PKI_INVALID_LOCATOR);
    EXPECT_THAT(generate(module_, {folder_.uri("no/such/key.pem"), 2048}),
                fails(ECRYPTFS_PKI_NOT_FOUND, "no/such/key.pem", "folder"));
    EXPECT_EQ(files(), 0U);
}

}  // namespace
}  // namespace ecryptfs::contract
