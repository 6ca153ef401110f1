// SPDX-License-Identifier: Apache-2.0

#include "lib/channel/pending_requests.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace ecryptfs::channel {
namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using base::SecretBytes;

const Clock::time_point kStart{};
const Clock::time_point kDeadline = kStart + 10s;

PendingRequests::Reply reply(std::uint8_t byte) {
    const std::vector<std::uint8_t> bytes{byte};
    return SecretBytes::copy(bytes);
}

TEST(PendingRequests, ReplyReachesItsRequest) {
    PendingRequests pending(4);
    const auto first = pending.add(kDeadline).value();
    const auto second = pending.add(kDeadline).value();
    EXPECT_TRUE(pending.accept(second, reply(2)));
    EXPECT_FALSE(pending.take(first, kStart));
    EXPECT_EQ(pending.take(second, kStart).value()->view().front(), 2);
    EXPECT_EQ(pending.size(), 1U);
}

TEST(PendingRequests, LateReplyIsDroppedThoughItsPlaceIsUsedAgain) {
    PendingRequests pending(1);
    const auto first = pending.add(kDeadline).value();
    EXPECT_EQ(pending.take(first, kDeadline)->error().code, ErrorCode::kTimedOut);
    const auto second = pending.add(kDeadline + 10s).value();
    ASSERT_EQ(first.index, second.index);
    EXPECT_FALSE(pending.accept(first, reply(1)));
    EXPECT_FALSE(pending.take(second, kStart));
}

TEST(PendingRequests, MadeUpReplyIsDropped) {
    PendingRequests pending(2);
    const auto place = pending.add(kDeadline).value();
    EXPECT_FALSE(pending.accept({place.index, place.counter + 1}, reply(1)));
    EXPECT_FALSE(pending.accept({1, 0}, reply(1)));  // a free place
    EXPECT_FALSE(pending.accept({2, place.counter}, reply(1)));
    EXPECT_TRUE(pending.accept(place, reply(1)));
    EXPECT_FALSE(pending.accept(place, reply(2)));  // the second
    EXPECT_EQ(pending.take(place, kStart).value()->view().front(), 1);
}

TEST(PendingRequests, AllPlacesTakenGivesNone) {
    PendingRequests pending(2);
    const auto place = pending.add(kDeadline);
    ASSERT_TRUE(pending.add(kDeadline));
    EXPECT_FALSE(pending.add(kDeadline));
    ASSERT_TRUE(pending.accept(*place, reply(1)));
    EXPECT_FALSE(pending.add(kDeadline));  // its reply was not fetched yet
    ASSERT_TRUE(pending.take(*place, kStart));
    EXPECT_TRUE(pending.add(kDeadline));
}

TEST(PendingRequests, LossOfTheAgentAnswersAllButThoseWithAReply) {
    PendingRequests pending(3);
    const auto answered = pending.add(kDeadline).value();
    const auto open = pending.add(kDeadline).value();
    ASSERT_TRUE(pending.accept(answered, reply(1)));
    pending.fail_all({ErrorCode::kNoAgent, "gone"});
    EXPECT_TRUE(pending.take(answered, kStart)->has_value());
    EXPECT_EQ(pending.take(open, kStart)->error().code, ErrorCode::kNoAgent);
    EXPECT_EQ(pending.size(), 0U);
}

// A model has each request's reply; replies come late, twice, for others, and never.
class Walk {
  public:
    explicit Walk(unsigned seed) : random_(seed) {}

    void step() {
        switch (random_() % 4) {
            case 0: {
                if (const auto place = pending_.add(now_ + 5s)) {
                    ASSERT_TRUE(open_.emplace(place->counter, *place).second) << "used twice";
                    deadlines_[place->counter] = now_ + 5s;
                }
                break;
            }
            case 1: {
                const auto counter = static_cast<std::uint32_t>(random_() % 200);
                const auto index = static_cast<std::uint32_t>(random_() % 9);
                const bool waits = open_.contains(counter) && open_[counter].index == index &&
                                   !replies_.contains(counter);
                const auto byte = static_cast<std::uint8_t>(random_());
                ASSERT_EQ(pending_.accept({index, counter}, reply(byte)), waits);
                if (waits) {
                    replies_[counter] = byte;
                }
                break;
            }
            case 2:
                now_ += std::chrono::milliseconds(random_() % 1000);
                break;
            default:
                take_one();
        }
        ASSERT_EQ(pending_.size(), open_.size());
    }

  private:
    void take_one() {
        if (open_.empty()) {
            return;
        }
        const auto [counter, place] =
            *std::next(open_.begin(), static_cast<std::ptrdiff_t>(random_() % open_.size()));
        const auto taken = pending_.take(place, now_);
        const bool has_reply = replies_.contains(counter);
        ASSERT_EQ(taken.has_value(), has_reply || now_ >= deadlines_[counter]);
        if (!taken) {
            return;
        }
        ASSERT_EQ(taken->has_value(), has_reply);
        if (has_reply) {
            EXPECT_EQ((*taken)->view().front(), replies_[counter]);
        }
        open_.erase(counter);
    }

    std::mt19937 random_;
    PendingRequests pending_{8};
    Clock::time_point now_ = kStart;
    std::map<std::uint32_t, PendingRequests::Place> open_;
    std::map<std::uint32_t, Clock::time_point> deadlines_;
    std::map<std::uint32_t, std::uint8_t> replies_;
};

TEST(PendingRequests, EachRequestGetsItsOwnReplyInRandomWalks) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        Walk walk(seed);
        for (int i = 0; i < 500 && !HasFatalFailure(); ++i) {
            walk.step();
        }
    }
}

}  // namespace
}  // namespace ecryptfs::channel
