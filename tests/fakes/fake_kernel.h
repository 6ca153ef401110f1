// SPDX-License-Identifier: Apache-2.0
//
// The kernel's side of /dev/ecryptfs, for an agent that was handed a socket as its device. It keeps
// the rule that the tests are about: each request is answered exactly once, by index and counter.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/handle.h"
#include "lib/wire/device_frame.h"
#include "lib/wire/tag_packet.h"
#include "tests/support/command.h"

namespace ecryptfs::test {

using Clock = std::chrono::steady_clock;
using Bytes = std::vector<std::uint8_t>;

// Cipher code, a FEK of `size` bytes that depend on `seed`, its checksum: what the kernel has
// encrypted and wants back.
Bytes make_file_key(std::size_t size, std::uint8_t seed = 1);

// The packet of a request.
Bytes decrypt_packet(std::string_view signature, base::ByteView encrypted);
Bytes encrypt_packet(std::string_view signature, base::ByteView file_key);

// The agent's reply to a request.
struct Answer {
    base::FileKeyOperation operation = base::FileKeyOperation::kDecrypt;
    std::uint8_t status = 0;
    Bytes data;
    Clock::duration after = {};  // since the request was sent
};

class FakeKernel {
  public:
    FakeKernel();

    // The device, for one agent.
    base::UniqueFd device() { return std::move(device_); }

    // Sends a request; gives its index.
    std::uint32_t ask(base::ByteView packet);
    std::uint32_t ask_to_decrypt(std::string_view signature, base::ByteView encrypted);
    std::uint32_t ask_to_encrypt(std::string_view signature, base::ByteView file_key);

    // Sends bytes that need not be a frame. Nobody answers them.
    void send_raw(base::ByteView bytes);
    // A request's frame as ask() makes it, to be spoiled.
    static Bytes frame(base::ByteView packet, std::uint32_t counter, std::uint32_t index);

    // Waits for the answer to a request, and takes it. Fails the test when there is none in time.
    Answer answer_to(std::uint32_t index);
    Answer decrypt(std::string_view signature, base::ByteView encrypted);
    Answer encrypt(std::string_view signature, base::ByteView file_key);

    // For many requests: waits until there are answers; shows each once, in the order in which they
    // came, and takes it.
    void wait_for_answers();
    void take_new_answers(const std::function<void(const Answer&)>& look);

    // Like ask(), but takes no replies while the agent takes no request; nothing if that lasts.
    std::optional<std::uint32_t> try_to_ask(base::ByteView packet,
                                            std::chrono::milliseconds patience);

    // From now on a request may be answered more than once, as it may after its answerer was
    // killed; the first answer counts, and the others are refused by the real kernel.
    void expect_repeated_replies() { repeats_ = true; }

    // From now on there may be replies that nobody waits for: frames that were sent raw got them.
    void expect_other_replies() { others_ = true; }

    // Whether all that was sent has been read.
    bool is_all_read() const;
    // Whether nobody holds the device.
    bool is_let_go_of() const;

    std::size_t unanswered() const { return asked_.size(); }
    // Fails the test for replies that are there and that nobody asked for.
    void expect_no_more_replies();

    // Lets go of the device, as when the kernel module is unloaded.
    void close() { socket_.reset(); }

  private:
    struct Asked {
        std::uint32_t counter = 0;
        Clock::time_point at;
    };

    void send(base::ByteView bytes);
    bool wait_for(short events);
    bool read_reply();
    void read_replies();  // all that are there
    void take_reply(base::ByteView bytes);

    base::UniqueFd socket_;
    base::UniqueFd device_;
    bool repeats_ = false;
    bool others_ = false;
    std::uint32_t last_counter_ = 1000;
    std::uint32_t last_index_ = 0;
    std::map<std::uint32_t, Asked> asked_;
    std::map<std::uint32_t, Answer> answers_;
    std::vector<std::uint32_t> new_answers_;  // indices, some of which answer_to() has taken
};

}  // namespace ecryptfs::test
