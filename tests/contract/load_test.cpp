// SPDX-License-Identifier: Apache-2.0
//
// The contract that every module keeps: many calls, many at once.

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "tests/contract/loaded_module.h"

namespace ecryptfs::contract {
namespace {

constexpr std::size_t kMostThreads = 32;

#ifdef ECRYPTFS_SANITIZED
constexpr bool kSanitized =
    true;  // freed memory is kept for a while, and mallinfo2() knows nothing
#else
constexpr bool kSanitized = false;
#endif

std::size_t resident_bytes() {
    std::size_t total = 0;
    std::size_t resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t allocated_bytes() {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

// What the process grew by while `work` ran.
template <typename Work>
void expect_flat_memory(const Work& work) {
    constexpr std::size_t kMostAllocated = 131072;
    constexpr std::size_t kMostResident = kSanitized ? 256UL << 20 : 2UL << 20;
    const std::size_t allocated = allocated_bytes();
    const std::size_t resident = resident_bytes();
    work();
    EXPECT_LE(allocated_bytes(), allocated + kMostAllocated);
    EXPECT_LE(resident_bytes(), resident + kMostResident);
}

std::size_t threads_for(const ecryptfs_pki_module& module) {
    return module.max_threads == 0 ? kMostThreads
                                   : std::min<std::size_t>(kMostThreads, module.max_threads);
}

// Wraps and unwraps `times` times; the number of wrong answers.
int wrong_answers(const OpenKey& key, int times, std::uint8_t first) {
    int wrong = 0;
    for (int i = 0; i < times; ++i) {
        const Bytes file_key = pattern(1 + static_cast<std::size_t>(i) % ECRYPTFS_PKI_MAX_FILE_KEY,
                                       static_cast<std::uint8_t>(first + i));
        const Bytes wrapped = key.encrypt(file_key).bytes;
        wrong += key.decrypt(wrapped).bytes == file_key ? 0 : 1;
        wrong += key.decrypt(Bytes(wrapped.size())).status == ECRYPTFS_PKI_DECRYPT_FAILED ? 0 : 1;
    }
    return wrong;
}

// Uses the keys from as many threads as the module bears, while another thread opens and closes
// `opened_meanwhile`.
int wrong_answers_from_many_threads(const ecryptfs_pki_module& module,
                                    const std::vector<std::unique_ptr<OpenKey>>& keys,
                                    const TestKey& opened_meanwhile, int operations) {
    const std::size_t count = threads_for(module);
    const int times = std::max(1, operations / static_cast<int>(count));
    std::atomic<int> wrong = 0;
    std::atomic<bool> done = false;
    std::vector<std::thread> workers;
    for (std::size_t i = 0; i < count; ++i) {
        workers.emplace_back([&, i] {
            wrong += wrong_answers(*keys[i % keys.size()], times, static_cast<std::uint8_t>(i));
        });
    }
    std::thread opener([&] {
        do {
            const OpenKey key(module, opened_meanwhile);
        } while (!done);
    });
    std::ranges::for_each(workers, &std::thread::join);
    done = true;
    opener.join();
    return wrong;
}

std::vector<std::unique_ptr<OpenKey>> open_all(const ecryptfs_pki_module& module,
                                               const std::vector<TestKey>& keys) {
    std::vector<std::unique_ptr<OpenKey>> opened;
    for (const TestKey& key : keys) {
        opened.push_back(std::make_unique<OpenKey>(module, key));
    }
    return opened;
}

TEST_P(AnyModule, ManyThreadsShareOneKey) {
    const auto keys = open_all(abi(), subject().keys(1));
    EXPECT_EQ(
        wrong_answers_from_many_threads(abi(), keys, subject().keys(2)[1], subject().many() / 10),
        0);
}

TEST_P(AnyModule, ManyThreadsShareSeveralKeys) {
    const auto keys = open_all(abi(), subject().keys(4));
    EXPECT_EQ(
        wrong_answers_from_many_threads(abi(), keys, subject().keys(2)[1], subject().many() / 10),
        0);
}

TEST_P(AnyModule, ManyOperationsKeepMemoryFlat) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    constexpr int kCallsEach = 3;  // of wrong_answers()
    ASSERT_EQ(wrong_answers(key, 100, 1), 0);
    expect_flat_memory([&] { ASSERT_EQ(wrong_answers(key, subject().many() / kCallsEach, 1), 0); });
}

TEST_P(AnyModule, ManyOpensKeepMemoryFlat) {
    const TestKey test_key = subject().keys(1)[0];
    const auto open_and_use = [&](int times) {
        for (int i = 0; i < times; ++i) {
            const OpenKey key(abi(), test_key);
            ASSERT_EQ(wrong_answers(key, 1, 1), 0);
            static_cast<void>(failure_to_open(abi(), subject().absent_key()));
        }
    };
    open_and_use(20);
    expect_flat_memory([&] { open_and_use(std::max(1, subject().many() / 50)); });
}

}  // namespace
}  // namespace ecryptfs::contract
