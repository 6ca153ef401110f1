// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/requests.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "agent/runtime/time_limits.h"
#include "lib/wire/device_frame.h"
#include "lib/wire/tag_packet.h"
#include "tests/unit/agent/fake_key_hosts.h"
#include "tests/unit/agent/fake_time.h"
#include "tests/unit/agent/new_key.h"
#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using test::Bytes;
using wire::KeySignature;
using Operation = base::FileKeyOperation;
using namespace std::chrono_literals;

KeySignature signature(std::uint64_t key) {
    return KeySignature::from_text(fmt::format("{:016x}", key)).value();
}

std::uint8_t status(ErrorCode code) {
    return base::traits(code).status;
}

Bytes request_packet(Operation operation, std::uint64_t key, const Bytes& data) {
    Bytes buffer(wire::kMaxRequestFrame);
    return test::copy(
        wire::encode_request_packet({operation, signature(key), data}, buffer).value());
}

Bytes frame(const wire::DeviceFrame& content) {
    Bytes buffer(wire::kMaxRequestFrame);
    return test::copy(wire::encode_frame(content, buffer).value());
}

// Cipher code, 16 bytes and their checksum.
Bytes file_key(std::uint8_t byte) {
    Bytes key(19, byte);
    const unsigned sum = 16U * byte;
    key.at(17) = static_cast<std::uint8_t>(sum >> 8);
    key.at(18) = static_cast<std::uint8_t>(sum & 0xff);
    return key;
}

struct Reply {
    std::uint32_t counter = 0;
    std::uint32_t index = 0;
    Operation operation = Operation::kDecrypt;
    std::uint8_t status = 0;
    Bytes data;
};

// The kernel, which takes replies, unless their openers have given up.
class FakeDevice : public ReplyWriter {
  public:
    WriteOutcome write(base::ByteView bytes) override {
        const auto content = wire::decode_frame(bytes).value();
        const auto packet = wire::parse_reply_packet(content.packet).value();
        EXPECT_EQ(content.type, wire::FrameType::kResponse);
        replies.push_back({content.counter, content.index, packet.operation, packet.status,
                           test::copy(packet.data)});
        return refuses ? WriteOutcome::kRefused : WriteOutcome::kTaken;
    }

    std::vector<Reply> replies;
    bool refuses = false;
};

// Keys 1 to 9, of which some are locked. Others are not known.
class FakeRequestKeys : public RequestKeys {
  public:
    Result<KeyRef> use_key(const KeySignature& wanted, Operation action) override {
        for (std::uint64_t id = 1; id < 10; ++id) {
            if (signature(id) != wanted) {
                continue;
            }
            if (locked.contains(id) && action == Operation::kDecrypt) {
                return std::unexpected(Error{ErrorCode::kKeyLocked, "the key is locked"});
            }
            return key(id);
        }
        return std::unexpected(Error{ErrorCode::kUnknownKey, "no such key"});
    }
    Error record_failure(const Key& /*key*/, Error why) override {
        ++failures;
        return why.code == ErrorCode::kWrongSecret ? Error{ErrorCode::kKeyLocked, "locked"} : why;
    }
    void record_success(const Key& /*key*/, std::chrono::microseconds latency) override {
        ++successes;
        last_latency = latency;
    }

    KeyRef key(std::uint64_t id) {
        auto& key = keys_[id];
        if (!key) {
            key = test::new_key(id);
            key->signature = signature(id);
        }
        return key;
    }

    std::set<std::uint64_t> locked;
    int failures = 0;
    int successes = 0;
    std::chrono::microseconds last_latency{};

  private:
    std::map<std::uint64_t, std::shared_ptr<Key>> keys_;
};

// The agent's processes, one after the other, around the memory that outlives them.
class Processes {
  public:
    Processes() { begin(); }

    void die(bool same_device = true) {
        hosts.forget_jobs();
        begin();
        requests->replay(same_device ? std::set{kDeviceSource} : std::set<SourceNumber>{});
    }
    void read(const Bytes& bytes, SourceNumber source = kDeviceSource) {
        const auto room = requests->room(source);
        ASSERT_LT(bytes.size(), room.size());
        std::ranges::copy(bytes, room.begin());
        requests->take_frame(room.first(bytes.size()));
    }
    // The number is the frame's counter, and its index one more.
    void ask(std::uint32_t number, const Bytes& packet) {
        read(frame({.counter = number, .index = number + 1, .packet = packet}));
    }
    void finish_job(std::size_t at, const Bytes& output) {
        hosts.finish(at, JobResult{output, {}, {}, {}});
    }
    void fail_job(std::size_t at, ErrorCode code) {
        hosts.finish(at, std::unexpected(Error{code, "the host's words"}));
    }
    bool has_wiped_slots() const {
        return std::ranges::all_of(std::span(memory_).first(used_), [](const RequestSlot& slot) {
            const auto bytes =
                base::ByteView(reinterpret_cast<const std::uint8_t*>(&slot), sizeof slot);
            // The time is written before the read, into a slot that is taken already.
            return std::ranges::all_of(bytes.subspan(sizeof slot.read_at),
                                       [](auto byte) { return byte == 0; });
        });
    }

    test::FakeTime time;
    FakeDevice device;
    FakeRequestKeys keys;
    test::FakeKeyHosts hosts;
    std::vector<KeySignature> wanted;  // that were locked
    std::unique_ptr<Requests> requests;

  private:
    void begin() {
        requests = std::make_unique<Requests>(time, keys, hosts,
                                              Places<RequestSlot>{memory_, used_}, kReplyLimit);
        requests->add_source(kDeviceSource, device);
        requests->on_locked_key([this](const auto& signature) { wanted.push_back(signature); });
    }

    std::vector<RequestSlot> memory_ = std::vector<RequestSlot>(Handover::kRequestSlots);
    std::uint32_t used_ = 0;
};

class RequestsTest : public ::testing::Test, protected Processes {
  protected:
    void SetUp() override { ::testing::internal::CaptureStderr(); }
    void TearDown() override { ::testing::internal::GetCapturedStderr(); }

    static Bytes decrypt(std::uint64_t key, std::uint8_t byte = 7) {
        return request_packet(Operation::kDecrypt, key, Bytes(128, byte));
    }
    static Bytes encrypt(std::uint64_t key) {
        return request_packet(Operation::kEncrypt, key, file_key(3));
    }
    const Reply& last_reply() { return device.replies.back(); }
    void expect_failure(ErrorCode code) {
        ASSERT_FALSE(device.replies.empty());
        EXPECT_EQ(last_reply().status, status(code));
        EXPECT_TRUE(last_reply().data.empty());
    }
};

constexpr SourceNumber kChannel = 3;

TEST_F(RequestsTest, EachSourceGetsItsOwnReplies) {
    FakeDevice channel;
    requests->add_source(kChannel, channel);
    read(frame({.counter = 7, .index = 1, .packet = decrypt(1)}), kChannel);
    ask(8, decrypt(1));  // the same question, of the kernel's
    finish_job(0, file_key(5));

    ASSERT_EQ(channel.replies.size(), 1U);
    EXPECT_EQ(channel.replies.front().counter, 7U);
    ASSERT_EQ(device.replies.size(), 1U);
    EXPECT_EQ(last_reply().counter, 8U);
    EXPECT_EQ(requests->counts(kChannel).answered, 1U);
    EXPECT_EQ(requests->counts(kDeviceSource).received, 1U);
}

TEST_F(RequestsTest, ReplyToGoneSourceCountsAsLate) {
    FakeDevice channel;
    requests->add_source(kChannel, channel);
    read(frame({.counter = 7, .index = 1, .packet = decrypt(1)}), kChannel);
    requests->remove_source(kChannel);
    finish_job(0, file_key(5));

    EXPECT_TRUE(channel.replies.empty());
    EXPECT_EQ(requests->counts().late, 1U);
    EXPECT_TRUE(has_wiped_slots());
}

TEST_F(RequestsTest, ReplaySkipsGoneSources) {
    FakeDevice channel;
    requests->add_source(kChannel, channel);
    read(frame({.counter = 7, .index = 1, .packet = decrypt(1)}), kChannel);
    ask(8, decrypt(2));
    die();  // of the two sources only the device is there again
    ASSERT_EQ(hosts.jobs().size(), 1U);
    finish_job(0, file_key(5));

    EXPECT_TRUE(channel.replies.empty());
    ASSERT_EQ(device.replies.size(), 1U);
    EXPECT_EQ(last_reply().counter, 8U);
}

TEST_F(RequestsTest, DecryptAnswersWithModulesResult) {
    ask(5, decrypt(1));
    ASSERT_EQ(hosts.jobs().size(), 1U);
    const auto& job = hosts.jobs().front();
    EXPECT_EQ(job.action, Operation::kDecrypt);
    EXPECT_EQ(test::copy(job.input), Bytes(128, 7));
    EXPECT_EQ(job.deadline, time.now() + kReplyLimit);
    EXPECT_EQ(requests->in_flight(), 1U);
    time.advance(10ms);
    EXPECT_EQ(requests->oldest_age(), 10ms);
    finish_job(0, file_key(9));
    EXPECT_EQ(last_reply().counter, 5U);
    EXPECT_EQ(last_reply().index, 6U);
    EXPECT_EQ(last_reply().operation, Operation::kDecrypt);
    EXPECT_EQ(last_reply().status, 0);
    EXPECT_EQ(last_reply().data, file_key(9));
    EXPECT_EQ(requests->in_flight(), 0U);
    EXPECT_EQ(keys.last_latency, 10ms);
    EXPECT_EQ(requests->counts().answered, 1U);
    EXPECT_TRUE(has_wiped_slots());
}

TEST_F(RequestsTest, EncryptAnswersWithModulesResult) {
    ask(5, encrypt(1));
    EXPECT_EQ(hosts.jobs().front().action, Operation::kEncrypt);
    finish_job(0, Bytes(256, 1));
    EXPECT_EQ(last_reply().operation, Operation::kEncrypt);
    EXPECT_EQ(last_reply().status, 0);
    EXPECT_EQ(last_reply().data, Bytes(256, 1));
}

TEST_F(RequestsTest, OutputThatIsNoFileKeyIsNotPassedOn) {
    auto wrong_checksum = file_key(9);
    wrong_checksum.back() ^= 1;
    for (const auto& output : {wrong_checksum, Bytes{}, Bytes(3, 0), Bytes(1000, 1)}) {
        ask(5, decrypt(1));
        finish_job(0, output);
        expect_failure(ErrorCode::kDecryptFailed);
    }
    for (const auto& output : {Bytes{}, Bytes(wire::kMaxEncryptedFek + 1, 1)}) {
        ask(5, encrypt(1));
        finish_job(0, output);
        expect_failure(ErrorCode::kModuleFailed);
    }
    EXPECT_EQ(requests->counts().answered, 0U);
}

TEST_F(RequestsTest, BadPaddingAndBadChecksumLookAlike) {
    ask(1, decrypt(1));
    fail_job(0, ErrorCode::kDecryptFailed);
    const auto padding = last_reply();
    ask(1, decrypt(1));
    finish_job(0, Bytes(19, 1));
    EXPECT_EQ(last_reply().status, padding.status);
    EXPECT_EQ(last_reply().data, padding.data);
}

TEST_F(RequestsTest, UnknownKeyFailsAtOnce) {
    ask(1, decrypt(77));
    expect_failure(ErrorCode::kUnknownKey);
    EXPECT_TRUE(hosts.jobs().empty());
    EXPECT_TRUE(wanted.empty());
}

TEST_F(RequestsTest, LockedKeyAsksForItsSecret) {
    keys.locked.insert(1);
    ask(1, decrypt(1));
    expect_failure(ErrorCode::kKeyLocked);
    ask(2, decrypt(2));
    fail_job(0, ErrorCode::kWrongSecret);
    expect_failure(ErrorCode::kKeyLocked);
    EXPECT_THAT(wanted, ::testing::ElementsAre(signature(1), signature(2)));
}

TEST_F(RequestsTest, FramesWithoutAnswerAreCounted) {
    read(frame({.bare = true, .counter = 1}));
    EXPECT_EQ(requests->counts().stale, 1U);
    read(Bytes(20, 0xff));
    read(frame({.type = wire::FrameType::kQuit, .bare = true}));
    EXPECT_EQ(requests->counts().malformed, 2U);
    EXPECT_TRUE(device.replies.empty());
    EXPECT_EQ(requests->counts().received, 0U);
    device.refuses = true;
    ask(1, decrypt(1));
    finish_job(0, file_key(1));
    EXPECT_EQ(requests->counts().late, 1U);
    EXPECT_TRUE(has_wiped_slots());
}

TEST_F(RequestsTest, MalformedPacketIsAnswered) {
    ask(1, {0x40, 1, 2, 3, 4, 5, 6});
    EXPECT_EQ(last_reply().operation, Operation::kDecrypt);
    expect_failure(ErrorCode::kMalformed);
    ask(2, {0x42, 1, 2, 3, 4, 5, 6});
    EXPECT_EQ(last_reply().operation, Operation::kEncrypt);
    expect_failure(ErrorCode::kMalformed);
}

TEST_F(RequestsTest, IdenticalRequestsShareOneOperation) {
    for (std::uint32_t i = 0; i < 50; ++i) {
        ask(i, decrypt(1));
    }
    EXPECT_EQ(hosts.jobs().size(), 1U);
    EXPECT_EQ(requests->in_flight(), 50U);
    finish_job(0, file_key(9));
    ASSERT_EQ(device.replies.size(), 50U);
    for (const auto& reply : device.replies) {
        EXPECT_EQ(reply.data, file_key(9));
        EXPECT_EQ(reply.index, reply.counter + 1);
    }
    ask(50, decrypt(1));
    EXPECT_EQ(hosts.jobs().size(), 1U) << "later ones are worked on anew";
}

TEST_F(RequestsTest, EncryptRequestsAreNotShared) {
    ask(1, encrypt(1));
    ask(2, encrypt(1));
    EXPECT_EQ(hosts.jobs().size(), 2U);
}

TEST_F(RequestsTest, IdenticalRequestsFailTogether) {
    ask(1, decrypt(1));
    ask(2, decrypt(1));
    fail_job(0, ErrorCode::kAccessDenied);
    EXPECT_EQ(device.replies.size(), 2U);
    expect_failure(ErrorCode::kAccessDenied);
}

TEST_F(RequestsTest, LaterIdenticalRequestsKeepTheirOwnTime) {
    ask(1, decrypt(1));
    time.advance(1s);
    ask(2, decrypt(1));
    ask(3, decrypt(1));
    const auto read_at = time.now();
    fail_job(0, ErrorCode::kTimedOut);
    ASSERT_EQ(device.replies.size(), 1U);
    ASSERT_EQ(hosts.jobs().size(), 1U) << "the second leads the third";
    EXPECT_EQ(hosts.jobs().front().deadline, read_at + kReplyLimit);
    finish_job(0, file_key(9));
    EXPECT_EQ(device.replies.size(), 3U);
}

TEST_F(RequestsTest, RequestsAboveTheLimitAreRefused) {
    std::uint32_t number = 0;
    for (; number < Requests::kMaxInFlight / 2; ++number) {
        ask(number, request_packet(Operation::kDecrypt, 1,
                                   test::pattern(128, static_cast<std::uint8_t>(number))));
    }
    for (; number < Requests::kMaxInFlight; ++number) {
        ask(number, encrypt(1));
    }
    EXPECT_TRUE(device.replies.empty());
    EXPECT_EQ(requests->in_flight(), Requests::kMaxInFlight);
    for (int i = 0; i < 100; ++i) {
        ask(++number, decrypt(1));
        expect_failure(ErrorCode::kOverloaded);
    }
    EXPECT_EQ(requests->in_flight(), Requests::kMaxInFlight);
    finish_job(hosts.jobs().size() - 1, Bytes(256, 1));
    EXPECT_EQ(last_reply().status, 0);
    ask(++number, encrypt(1));
    EXPECT_EQ(requests->in_flight(), Requests::kMaxInFlight);
}

TEST_F(RequestsTest, NextProcessAnswersOpenRequests) {
    ask(1, decrypt(1));
    const auto deadline = hosts.jobs().front().deadline;
    ask(2, encrypt(2));
    ask(3, decrypt(1, 8));
    finish_job(1, Bytes(256, 1));
    time.advance(100ms);
    die();
    ASSERT_EQ(hosts.jobs().size(), 2U);
    EXPECT_EQ(hosts.jobs().front().deadline, deadline) << "from when it was read";
    EXPECT_EQ(test::copy(hosts.jobs().front().input), Bytes(128, 7));
    finish_job(0, file_key(1));
    finish_job(0, file_key(2));
    EXPECT_EQ(device.replies.size(), 3U);
    EXPECT_TRUE(has_wiped_slots());
}

TEST_F(RequestsTest, RequestIsReplayedTwiceAtMost) {
    ask(1, decrypt(1));
    for (int replay = 0; replay < 2; ++replay) {
        die();
        EXPECT_EQ(hosts.jobs().size(), 1U);
    }
    die();
    EXPECT_TRUE(hosts.jobs().empty());
    expect_failure(ErrorCode::kModuleFailed);
    die();
    EXPECT_EQ(device.replies.size(), 1U);
}

TEST_F(RequestsTest, OtherDeviceForgetsRequests) {
    ask(1, decrypt(1));
    die(/*same_device=*/false);
    EXPECT_TRUE(hosts.jobs().empty());
    EXPECT_TRUE(device.replies.empty());
    EXPECT_TRUE(has_wiped_slots());
    ask(2, decrypt(1));
    finish_job(0, file_key(1));
    EXPECT_EQ(last_reply().counter, 2U);
}

// Random sequences of what the kernel, modules, people and fate do, against a simple model: each
// well-framed request is answered once, with what its own module gave, and leaves nothing behind.
class RequestWalk : protected Processes {
  public:
    static constexpr unsigned kSequences = 1000;

    explicit RequestWalk(unsigned seed) : random_(seed) {}  // NOLINT(*-msc51-cpp): the same always

    void run() {
        for (int i = 0; i < kSteps && !::testing::Test::HasFailure(); ++i) {
            step();
            check_replies();
        }
        while (!hosts.jobs().empty()) {
            finish_some_job();
        }
        check_replies();
        for (const auto& [number, request] : requests_) {
            EXPECT_EQ(request.replies, 1) << "request " << number;
        }
        EXPECT_EQ(requests->in_flight(), 0U);
        EXPECT_EQ(requests->oldest_age(), 0s);
        EXPECT_TRUE(has_wiped_slots());
    }

    std::size_t asked() const { return requests_.size(); }
    std::size_t succeeded() const { return succeeded_; }

  private:
    static constexpr int kSteps = 60;

    struct ModelRequest {
        Operation operation = Operation::kDecrypt;
        std::uint64_t key = 0;
        std::uint8_t byte = 0;  // what its data is made of, and the answer to it
        int replies = 0;
    };

    int any(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }

    void step() {
        switch (any(0, 15)) {
            case 0:
                read(frame({.bare = true, .counter = 1'000'000}));
                break;
            case 1:
                read(Bytes(static_cast<std::size_t>(any(1, 500)), 0xff));
                break;
            case 2:
                ask_nonsense();
                break;
            case 3:
                time.advance(std::chrono::milliseconds(any(0, 1000)));
                break;
            case 4:
                keys.locked = {static_cast<std::uint64_t>(any(1, 3))};
                break;
            case 5:
                device.refuses = !device.refuses;
                break;
            case 6:
                if (any(0, 3) == 0) {
                    die();
                }
                break;
            case 7:
            case 8:
            case 9:
            case 10:
                if (!hosts.jobs().empty()) {
                    finish_some_job();
                }
                break;
            default:
                ask_something();
        }
    }

    void ask_something() {
        const auto number = ++last_number_;
        auto& request = requests_[number];
        request.operation = any(0, 3) == 0 ? Operation::kEncrypt : Operation::kDecrypt;
        request.key = static_cast<std::uint64_t>(any(1, 12));  // some are not known
        request.byte = static_cast<std::uint8_t>(any(1, 3));
        const auto is_decrypt = request.operation == Operation::kDecrypt;
        ask(number, request_packet(request.operation, request.key,
                                   is_decrypt ? Bytes(128, request.byte) : file_key(request.byte)));
    }
    void ask_nonsense() {
        const auto number = ++last_number_;
        auto& request = requests_[number];
        request.operation = any(0, 1) == 0 ? Operation::kEncrypt : Operation::kDecrypt;
        const std::uint8_t tag = request.operation == Operation::kEncrypt ? 0x42 : 0x40;
        ask(number, {tag, 3, 1, 2, 3, 4, 5});
    }

    // The output tells which input it was made of.
    void finish_some_job() {
        const auto at = static_cast<std::size_t>(any(0, static_cast<int>(hosts.jobs().size()) - 1));
        const auto& job = hosts.jobs().at(at);
        const bool is_decrypt = job.action == Operation::kDecrypt;
        const auto byte = job.input[is_decrypt ? 0 : 1];
        switch (any(0, 9)) {
            case 0:
                fail_job(at, ErrorCode::kDecryptFailed);
                break;
            case 1:
                fail_job(at, ErrorCode::kTimedOut);
                break;
            case 2:
                fail_job(at, ErrorCode::kWrongSecret);
                break;
            case 3:
                finish_job(at, Bytes(static_cast<std::size_t>(any(0, 1)) * 1000, 1));
                break;
            default:
                finish_job(at, is_decrypt ? file_key(byte) : Bytes(256, byte));
        }
    }

    void check_replies() {
        for (; checked_ < device.replies.size(); ++checked_) {
            const auto& reply = device.replies.at(checked_);
            ASSERT_TRUE(requests_.contains(reply.counter)) << "nobody asked";
            auto& request = requests_.at(reply.counter);
            EXPECT_EQ(++request.replies, 1) << "answered twice";
            EXPECT_EQ(reply.index, reply.counter + 1);
            EXPECT_EQ(reply.operation, request.operation);
            if (reply.status != 0) {
                EXPECT_TRUE(reply.data.empty());
                continue;
            }
            ++succeeded_;
            const auto is_decrypt = request.operation == Operation::kDecrypt;
            EXPECT_EQ(reply.data, is_decrypt ? file_key(request.byte) : Bytes(256, request.byte));
        }
    }

    std::mt19937 random_;
    std::map<std::uint32_t, ModelRequest> requests_;
    std::uint32_t last_number_ = 0;
    std::size_t checked_ = 0;
    std::size_t succeeded_ = 0;
};

TEST(RequestsWalk, EachRequestIsAnsweredOnce) {
    std::size_t asked = 0;
    std::size_t succeeded = 0;
    for (unsigned seed = 1; seed <= RequestWalk::kSequences && !::testing::Test::HasFailure();
         ++seed) {
        SCOPED_TRACE(seed);
        ::testing::internal::CaptureStderr();
        RequestWalk walk(seed);
        walk.run();
        ::testing::internal::GetCapturedStderr();
        asked += walk.asked();
        succeeded += walk.succeeded();
    }
    EXPECT_GT(asked, 10U * RequestWalk::kSequences);
    EXPECT_GT(succeeded, asked / 5);
    EXPECT_LT(succeeded, asked);
}

}  // namespace
}  // namespace ecryptfs::agent
