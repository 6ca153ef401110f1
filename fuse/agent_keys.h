// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "fuse/mount_keys.h"
#include "lib/channel/key_channel.h"

namespace ecryptfs::fuse {

// The agent's private keys, over a channel. Any thread.
class AgentKeys : public PrivateKeys {
  public:
    // See channel::KeyChannel.
    explicit AgentKeys(channel::KeyChannel::TakeNote take_note);

    // Opens the channel, which starts the agent. kNoBus, kNoAgent.
    base::Result<void> connect() { return channel_.connect(); }
    // Starts the thread that hears the agent. Before this, no key opens anything.
    void start() { channel_.start(); }
    void confirm(std::uint32_t number) { channel_.confirm(number); }

    base::Result<base::SecretBytes> decrypt(const wire::KeySignature& signature,
                                            base::ByteView encrypted_fek) override {
        return channel_.decrypt(signature, encrypted_fek);
    }
    base::Result<base::SecretBytes> encrypt(const wire::KeySignature& signature,
                                            base::ByteView file_key) override {
        return channel_.encrypt(signature, file_key);
    }

  private:
    channel::KeyChannel channel_;
};

}  // namespace ecryptfs::fuse
