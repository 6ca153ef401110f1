// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/descriptor_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/agent/fake_time.h"
#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class DescriptorStoreTest : public ::testing::Test {
  protected:
    // As the service manager takes the message, if it has room.
    bool take(std::string_view state, int descriptor) {
        if (room_ == 0) {
            return false;
        }
        --room_;
        messages_.push_back(std::string(state) + " " + std::to_string(descriptor));
        return true;
    }

    int room_ = 1000;
    std::vector<std::string> messages_;
    test::FakeTime time_;
    DescriptorStore store_{time_, [this](auto state, int fd) { return take(state, fd); }};
};

constexpr char kPutDevice7[] = "FDSTORE=1\nFDNAME=device\nFDPOLL=0 7";
constexpr char kPutDevice8[] = "FDSTORE=1\nFDNAME=device\nFDPOLL=0 8";
constexpr char kPutMemory9[] = "FDSTORE=1\nFDNAME=memory\nFDPOLL=0 9";
constexpr char kRemoveDevice[] = "FDSTOREREMOVE=1\nFDNAME=device -1";

TEST_F(DescriptorStoreTest, SendsEachMessageOnceAndAtOnce) {
    store_.put("device", 7);
    store_.remove("device");
    EXPECT_THAT(messages_, ElementsAre(kPutDevice7, kRemoveDevice));
    EXPECT_EQ(time_.running_timers(), 0U);
    time_.advance(1h);
    EXPECT_EQ(messages_.size(), 2U);
}

TEST_F(DescriptorStoreTest, RepeatsMessageThatFoundNoRoom) {
    room_ = 0;
    store_.put("device", 7);
    time_.advance(10s);
    EXPECT_TRUE(messages_.empty());
    room_ = 1;
    time_.advance(100ms);
    EXPECT_THAT(messages_, ElementsAre(kPutDevice7));
    EXPECT_EQ(time_.running_timers(), 0U);
}

TEST_F(DescriptorStoreTest, DoesNotPutRemovedDescriptor) {
    room_ = 0;
    store_.put("device", 7);
    store_.remove("device");
    room_ = 1000;
    time_.advance(1s);
    EXPECT_THAT(messages_, ElementsAre(kRemoveDevice));
}

TEST_F(DescriptorStoreTest, RemovesOldBeforePuttingNewOfSameName) {
    store_.put("device", 7);
    room_ = 0;
    store_.remove("device");
    store_.put("device", 8);
    store_.put("memory", 9);
    room_ = 1;
    time_.advance(100ms);
    EXPECT_THAT(messages_, ElementsAre(kPutDevice7, kRemoveDevice));
    room_ = 2;
    time_.advance(100ms);
    EXPECT_THAT(messages_, ElementsAre(kPutDevice7, kRemoveDevice, kPutDevice8, kPutMemory9));
}

// Whatever the room, the service manager ends with what was put last.
TEST_F(DescriptorStoreTest, LastDescriptorsWinWhateverTheRoom) {
    std::mt19937 random(1);  // NOLINT(*-msc51-cpp): the same each time
    const auto any = [&](int most) { return std::uniform_int_distribution(0, most)(random); };
    for (int sequence = 0; sequence < 1000; ++sequence) {
        messages_.clear();
        std::optional<int> device;
        for (int i = 0; i < 20; ++i) {
            room_ = any(2);
            if (any(1) == 0) {
                device = any(1000);
                store_.put("device", *device);
            } else {
                device.reset();
                store_.remove("device");
            }
            time_.advance(any(1) * 150ms);
        }
        room_ = 1000;
        time_.advance(1s);
        EXPECT_EQ(time_.running_timers(), 0U);
        const auto last = device ? "FDSTORE=1\nFDNAME=device\nFDPOLL=0 " + std::to_string(*device)
                                 : std::string(kRemoveDevice);
        ASSERT_FALSE(messages_.empty());
        EXPECT_EQ(messages_.back(), last);
    }
}

}  // namespace
}  // namespace ecryptfs::agent
