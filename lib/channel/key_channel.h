// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/base/secret_bytes.h"
#include "lib/channel/channel_note.h"
#include "lib/channel/pending_requests.h"
#include "lib/wire/key_signature.h"
#include "lib/wire/tag_packet.h"

namespace ecryptfs::channel {

// The program's end of a channel: asks the agent to decrypt and encrypt file keys, and hears which
// keys were locked. Any thread.
class KeyChannel {
  public:
    // Opens a channel: the socket.
    using Open = std::function<base::Result<base::UniqueFd>()>;
    // Called in the thread that receives replies, too: it must not wait. confirm() is to follow
    // when what a locked key opened is forgotten.
    using TakeNote = std::function<void(const Note&)>;

    // `take_note` also gets kLocked, kAgentGone when the agent goes away: its keys are closed.
    KeyChannel(Open open, TakeNote take_note);
    KeyChannel(const KeyChannel&) = delete;
    KeyChannel& operator=(const KeyChannel&) = delete;
    ~KeyChannel();

    // Opens the channel, if it is not open. A request does so as well.
    base::Result<void> connect();
    // Starts the thread that receives. Before this, no request gets a reply.
    void start();

    // Tells the agent that all is done that its notes up to this one ask for.
    void confirm(std::uint32_t number);

    // Of a Tag 1 packet: gives cipher code, FEK and checksum. The agent's error, such as
    // kKeyLocked; kTimedOut, kNoAgent, and what `open` gives.
    base::Result<base::SecretBytes> decrypt(const wire::KeySignature& signature,
                                            base::ByteView encrypted_fek);
    // The opposite.
    base::Result<base::SecretBytes> encrypt(const wire::KeySignature& signature,
                                            base::ByteView file_key);

  private:
    base::Result<base::SecretBytes> ask(const wire::RequestPacket& request);
    base::Result<void> connect_if_lost();
    base::Result<void> send(const PendingRequests::Place& place, base::ByteView packet);
    void receive();
    void take_message(base::ByteView message);
    void take_reply(base::ByteView frame);
    void lose();

    Open open_;
    TakeNote take_note_;
    std::mutex mutex_;
    std::condition_variable changed_;
    PendingRequests pending_;
    base::UniqueFd socket_;
    std::thread receiver_;
    bool is_lost_ = true;
    bool is_started_ = false;
};

}  // namespace ecryptfs::channel
