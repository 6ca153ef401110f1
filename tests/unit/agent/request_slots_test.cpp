// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/request_slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

// The memory that outlives a process, with few slots.
class RequestSlotsTest : public ::testing::Test {
  protected:
    static constexpr std::size_t kSlots = 5;

    Places<RequestSlot> places() { return {memory_, used_}; }
    // A request that was read and not answered.
    void leave(std::size_t at, std::int64_t read_at) {
        memory_.at(at).frame.front() = 1;
        memory_.at(at).read_at = read_at;
        used_ = std::max(used_, static_cast<std::uint32_t>(at + 1));
    }
    static bool is_zero(const RequestSlot& slot) {
        const auto bytes =
            base::ByteView(reinterpret_cast<const std::uint8_t*>(&slot), sizeof slot);
        return std::ranges::all_of(bytes, [](auto byte) { return byte == 0; });
    }

    std::vector<RequestSlot> memory_ = std::vector<RequestSlot>(kSlots);
    std::uint32_t used_ = 0;
};

TEST_F(RequestSlotsTest, EachSlotIsTakenOnce) {
    RequestSlots slots(places());
    std::set<RequestSlot*> taken;
    for (std::size_t i = 0; i < kSlots; ++i) {
        EXPECT_FALSE(slots.are_used_up());
        taken.insert(&slots.take());
    }
    EXPECT_EQ(taken.size(), kSlots);
    EXPECT_TRUE(slots.are_used_up());
}

TEST_F(RequestSlotsTest, ReturnedSlotIsWiped) {
    RequestSlots slots(places());
    auto& slot = slots.take();
    slot.read_at = 77;
    slot.replays = 2;
    slot.frame.fill(0xab);
    slots.give_back(slot);
    EXPECT_TRUE(is_zero(slot));
    EXPECT_EQ(&slots.take(), &slot) << "no other page is touched";
    EXPECT_EQ(used_, 1U);
}

TEST_F(RequestSlotsTest, LeftoversAreSortedByAge) {
    leave(0, 30);
    leave(2, 10);
    leave(3, 20);
    const RequestSlots slots(places());
    EXPECT_THAT(slots.leftovers(), ::testing::ElementsAre(&memory_[2], &memory_[3], &memory_[0]));
}

TEST_F(RequestSlotsTest, LeftoverSlotIsNotTaken) {
    leave(0, 1);
    leave(2, 2);
    RequestSlots slots(places());
    std::set<RequestSlot*> taken;
    while (!slots.are_used_up()) {
        taken.insert(&slots.take());
    }
    EXPECT_EQ(taken, (std::set{&memory_[1], &memory_[3], &memory_[4]}));
    slots.give_back(*slots.leftovers().front());
    EXPECT_EQ(&slots.take(), &memory_[0]);
}

TEST_F(RequestSlotsTest, InterruptedWipeIsFinished) {
    leave(0, 1);
    memory_[0].frame.front() = 0;
    memory_[0].frame.back() = 0xab;  // of a file key, maybe
    const RequestSlots slots(places());
    EXPECT_TRUE(slots.leftovers().empty());
    EXPECT_TRUE(is_zero(memory_[0]));
}

// Processes come and go: what was read is in exactly one place, and found by the next.
TEST_F(RequestSlotsTest, NoRequestIsLostAcrossProcesses) {
    std::mt19937 random(1);  // NOLINT(*-msc51-cpp): the same each time
    const auto any = [&](std::size_t most) {
        return std::uniform_int_distribution<std::size_t>(0, most)(random);
    };
    std::int64_t time = 0;
    for (int process = 0; process < 1000; ++process) {
        std::set<std::int64_t> before;
        for (const auto& slot : memory_) {
            if (slot.frame.front() != 0) {
                before.insert(slot.read_at);
            }
        }
        RequestSlots slots(places());
        std::vector<RequestSlot*> taken = slots.leftovers();
        std::set<std::int64_t> left;
        for (const auto* slot : taken) {
            left.insert(slot->read_at);
        }
        ASSERT_EQ(left, before);
        for (std::size_t i = any(20); i > 0; --i) {
            if (any(1) == 0 && !slots.are_used_up()) {
                auto& slot = slots.take();
                ASSERT_TRUE(is_zero(slot));
                slot.read_at = ++time;
                slot.frame.front() = 1;
                taken.push_back(&slot);
            } else if (!taken.empty()) {
                const auto at = taken.begin() + static_cast<std::ptrdiff_t>(any(taken.size() - 1));
                slots.give_back(**at);
                taken.erase(at);
            }
        }
    }
}

}  // namespace
}  // namespace ecryptfs::agent
