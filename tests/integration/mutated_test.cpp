// SPDX-License-Identifier: Apache-2.0
//
// Frames that were good and were damaged at random, as many as one likes:
//
//     ECRYPTFS_FRAMES=10000000 ECRYPTFS_SEED=1 ECRYPTFS_BUILD=$PWD/build/asan
//         build/plain/tests/integration/integration_tests --gtest_filter='Mutated.*'

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>

#include "tests/integration/agent_test.h"

namespace ecryptfs::test {
namespace {

constexpr std::size_t kBurst = 1'000;
constexpr std::uint32_t kIndex = 0xfff00000;  // of no request that is asked for

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Mutator {
  public:
    Mutator(std::vector<Bytes> originals, std::uint64_t seed)
        : originals_(std::move(originals)), random_(seed) {}

    // One to four changes to one of the originals.
    Bytes next() {
        Bytes bytes = originals_.at(below(originals_.size()));
        for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
            change(bytes);
        }
        return bytes;
    }

  private:
    std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
    }
    std::uint8_t byte() { return static_cast<std::uint8_t>(below(256)); }

    void change(Bytes& bytes) {
        // Half of them in what gives the rest its meaning.
        const auto at =
            below(2) == 0 ? below(bytes.size()) : below(std::min<std::size_t>(bytes.size(), 40));
        switch (below(6)) {
            case 0:
                bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1U << below(8)));
                break;
            case 1:
                bytes[at] = byte();
                break;
            case 2:
                bytes.resize(at + 1);
                break;
            case 3:
                bytes.insert(bytes.end(), 1 + below(600), byte());
                break;
            case 4:
                if (bytes.size() > 1) {
                    bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
                }
                break;
            default: {
                const auto& other = originals_.at(below(originals_.size()));
                std::copy_n(other.begin(), std::min(at, other.size()), bytes.begin());
            }
        }
    }

    std::vector<Bytes> originals_;
    std::mt19937_64 random_;
};

class MutatedInput : public AgentTest {};

TEST_F(MutatedInput, FramesDoNoHarm) {
    const auto frames = number_from("ECRYPTFS_FRAMES", 20'000);
    const auto seed = number_from("ECRYPTFS_SEED", std::random_device()());
    start_agent();
    const auto signature = add({"example:a", "--module", "example"});
    const auto file_key = make_file_key(24);
    std::vector<Bytes> originals;
    for (const auto& packet : {decrypt_packet(signature, wrapped(signature, file_key)),
                               encrypt_packet(signature, file_key),
                               decrypt_packet("0123456789abcdef", Bytes(256, 0x77))}) {
        originals.push_back(FakeKernel::frame(packet, 7, kIndex));
    }
    Mutator mutator(originals, seed);
    kernel_.expect_other_replies();
    std::size_t memory = 0;
    const auto begin = Clock::now();
    for (std::uint64_t sent = 0; sent < frames && !HasFailure(); sent += kBurst) {
        for (std::size_t i = 0; i < kBurst; ++i) {
            kernel_.send_raw(mutator.next());
        }
        expect_round_trip(signature);
        memory = sent <= frames / 4 ? agent_->memory() : memory;
    }
    const std::chrono::duration<double> took = Clock::now() - begin;
    const auto counts = queue();
    std::cout << frames << " frames, seed " << seed << ", " << took.count() << " s, received "
              << counts["received"] << ", malformed " << counts["malformed"] << ", answered "
              << counts["answered"] << ", memory " << memory << " then " << agent_->memory()
              << " kB\n";
    EXPECT_GT(counts["malformed"], frames / 10);
    EXPECT_GT(counts["answered"], frames / 100);
    EXPECT_GT(counts["failed"], frames / 100);
    // A sanitizer keeps freed memory, up to 256 MB of it.
    EXPECT_LT(agent_->memory(), memory + (has_sanitizers() ? 300'000 : 4'000)) << "seed " << seed;
}

}  // namespace
}  // namespace ecryptfs::test
