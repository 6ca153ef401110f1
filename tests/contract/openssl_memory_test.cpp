// SPDX-License-Identifier: Apache-2.0
//
// What the module openssl leaves in memory, and what it does when memory cannot be locked.

#include <gmock/gmock.h>
#include <linux/capability.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <iterator>

#include "tests/contract/careful_caller.h"
#include "tests/contract/loaded_module.h"
#include "tests/contract/memory_search.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/temporary_folder.h"

namespace ecryptfs::contract {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// What `work` writes to descriptor 1 in a child, whose memory is gone afterwards.
std::string output_of_child(const std::function<void()>& work) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
        throw std::runtime_error("pipe");
    }
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        work();
        ::_exit(EXIT_SUCCESS);
    }
    ::close(ends[1]);
    std::string output;
    std::array<char, 4096> buffer{};
    for (ssize_t size = 0; (size = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
        output.append(buffer.data(), static_cast<std::size_t>(size));
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    return output;
}

constexpr std::size_t kPieceSize = 32;  // of a number, to look for

// Writes pieces of a key's private numbers to standard output, masked: to be called in a child.
void tell_private_numbers(const evp_pkey_st& key) {
    std::vector<std::uint8_t> pieces;
    for (const auto& number : private_numbers_of(key)) {
        const auto whole_pieces = number.size() / kPieceSize * kPieceSize;
        std::ranges::transform(base::ByteView{number}.last(whole_pieces),
                               std::back_inserter(pieces), Needle::mask);
    }
    static_cast<void>(::write(STDOUT_FILENO, pieces.data(), pieces.size()));
}

std::vector<Needle> needles_of(const std::string& masked) {
    std::vector<Needle> needles;
    for (std::size_t at = 0; at < masked.size(); at += kPieceSize) {
        needles.push_back(Needle::from_masked("private number, byte " + std::to_string(at),
                                              base::as_bytes(masked).subspan(at, kPieceSize)));
        needles.push_back(needles.back().reversed());  // OpenSSL's numbers begin with the low word
    }
    return needles;
}

// Makes a key file whose numbers this process never had in its memory; what to look for.
std::vector<Needle> make_key_elsewhere(const TemporaryFolder& folder, PemForm form,
                                       const Needle& masked_passphrase) {
    return needles_of(output_of_child([&] {
        if (form == PemForm::kOldPkcs8) {
            ::OSSL_PROVIDER_load(nullptr, "legacy");
            ::OSSL_PROVIDER_load(nullptr, "default");
        }
        const auto key = make_rsa_key(2048);
        std::string passphrase(masked_passphrase.size(), ' ');
        masked_passphrase.unmask_to(reinterpret_cast<std::uint8_t*>(passphrase.data()));
        static_cast<void>(folder.write("key.pem", to_pem(*key, form, passphrase)));
        tell_private_numbers(*key);
    }));
}

class OpensslMemory : public testing::TestWithParam<PemForm> {
  protected:
    // Spells a passphrase in no memory that can be written.
    const Needle passphrase_ =
        Needle::from_masked("the passphrase", base::as_bytes("95((?9.z25()?z).;*6?"));
    TemporaryFolder folder_;
};

TEST_P(OpensslMemory, ClosedKeyLeavesNoTrace) {
    const auto numbers = make_key_elsewhere(folder_, GetParam(), passphrase_);
    CarefulCaller caller(ECRYPTFS_OPENSSL_SO);
    caller.open(folder_.uri("key.pem"), passphrase_);
    const Needle file_key = caller.use();
    EXPECT_THAT(find_in_memory(numbers), testing::Not(IsEmpty())) << "the search finds nothing";
    EXPECT_THAT(find_in_memory({passphrase_, file_key}), IsEmpty());
    caller.close();
    EXPECT_THAT(find_in_memory(numbers), IsEmpty());
}

TEST_P(OpensslMemory, PrivateNumbersStayOutOfSwapAndDumps) {
    const auto numbers = make_key_elsewhere(folder_, GetParam(), passphrase_);
    CarefulCaller caller(ECRYPTFS_OPENSSL_SO);
    caller.open(folder_.uri("key.pem"), passphrase_);
    static_cast<void>(caller.use());
    const auto is_safe = testing::AllOf(testing::Field("locked", &Hit::locked, true),
                                        testing::Field("dumped", &Hit::dumped, false));
    const auto hits = find_in_memory(numbers);
    EXPECT_THAT(hits, testing::Not(IsEmpty()));
    EXPECT_THAT(hits, testing::Each(is_safe));
    caller.close();
}

TEST(OpensslMemoryOfNewKeys, NewKeyLeavesNoTrace) {
    const TemporaryFolder folder;
    const Needle passphrase =
        Needle::from_masked("the passphrase", base::as_bytes("95((?9.z25()?z).;*6?"));
    CarefulCaller caller(ECRYPTFS_OPENSSL_SO);
    caller.generate(folder.uri("plain"), nullptr);
    caller.generate(folder.uri("encrypted"), &passphrase);
    for (const std::string name : {"plain", "encrypted"}) {
        auto numbers = needles_of(output_of_child([&] {
            std::string text(passphrase.size() + 1, '\0');
            passphrase.unmask_to(reinterpret_cast<std::uint8_t*>(text.data()));
            tell_private_numbers(*read_private_key(folder.path(name).string(), text));
        }));
        EXPECT_GT(numbers.size(), 20U);
        numbers.push_back(passphrase);
        EXPECT_THAT(find_in_memory(numbers), IsEmpty()) << name;
    }
}

// OpenSSL 3.0 frees the DER of a private key, and the block that holds a file key, as they are.
TEST(OpensslAllocator, WipesWhatOpensslFrees) {
    static_cast<void>(load(ECRYPTFS_OPENSSL_SO));
    std::array<std::uint8_t, kPieceSize> secret{};
    ASSERT_EQ(::getrandom(secret.data(), secret.size(), 0), ssize_t{kPieceSize});
    const Needle needle("a secret", secret);
    constexpr std::size_t kSize = 16384;
    auto* memory = static_cast<std::uint8_t*>(OPENSSL_malloc(kSize));
    std::ranges::copy(secret, memory + kSize / 2);
    ::explicit_bzero(secret.data(), secret.size());
    EXPECT_EQ(find_in_memory({needle}).size(), 1U);
    memory = static_cast<std::uint8_t*>(OPENSSL_realloc(memory, 4 * kSize));
    EXPECT_EQ(find_in_memory({needle}).size(), 1U);
    OPENSSL_free(memory);
    EXPECT_THAT(find_in_memory({needle}), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Forms, OpensslMemory,
                         testing::Values(PemForm::kPkcs8, PemForm::kTraditional,
                                         PemForm::kOldPkcs8),
                         [](const auto& test) {
                             return test.param == PemForm::kPkcs8         ? "Pkcs8"
                                    : test.param == PemForm::kTraditional ? "Traditional"
                                                                          : "OldPkcs8";
                         });

// Opens a key `count` times, all at once, in a process that may lock no more than this.
std::string outcome_with_lock_limit(rlim_t limit, int count, unsigned bits = 2048) {
    static_cast<void>(load(ECRYPTFS_OPENSSL_SO));
    const TemporaryFolder folder;
    const auto uri = folder.write("key.pem", to_pem(*make_rsa_key(bits), PemForm::kPkcs8));
    return output_of_child([&] {
        // Root's right to lock without limit. No failure elsewhere: others do not have it.
        static_cast<void>(::prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK));
        const struct rlimit limits{limit, limit};
        ::setrlimit(RLIMIT_MEMLOCK, &limits);
        ::execl(ECRYPTFS_OPEN_KEY, ECRYPTFS_OPEN_KEY, ECRYPTFS_OPENSSL_SO, uri.c_str(),
                std::to_string(count).c_str(), nullptr);
        ::_exit(EXIT_FAILURE);
    });
}

TEST(OpensslMemoryLock, FewKeysFitInto64KibibytesOfLocks) {
    EXPECT_EQ(outcome_with_lock_limit(65536, 5), "0");
    EXPECT_EQ(outcome_with_lock_limit(65536, 3, 4096), "0");
}

TEST(OpensslMemoryLock, ManyKeysFitInto8MebibytesOfLocks) {
    EXPECT_EQ(outcome_with_lock_limit(8UL << 20, 100, 4096), "0");
}

TEST(OpensslMemoryLock, UnlockableMemoryOpensNoKey) {
    EXPECT_THAT(outcome_with_lock_limit(0, 1),
                testing::AllOf(StartsWith("12 memory for private keys could not be locked"),
                               HasSubstr("LimitMEMLOCK=")));
}

TEST(OpensslMemoryLock, ReportsUsedUpLockedMemory) {
    EXPECT_THAT(outcome_with_lock_limit(65536, 1000),
                testing::AllOf(StartsWith("12 "), HasSubstr("is used up"), HasSubstr("ulimit -l")));
}

}  // namespace
}  // namespace ecryptfs::contract
