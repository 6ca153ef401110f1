// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <unordered_map>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/pki/host_protocol.h"
#include "lib/pki/module.h"

namespace ecryptfs::pki {

// Answers a host's messages with a module. Each thread takes the next message off the socket
// itself, so there is no queue here: messages wait in the socket until a thread takes them.
class Server {
  public:
    // Borrows both. `socket`: a SEQPACKET socket to the broker.
    Server(const Module& module, int socket) : module_(module), socket_(socket) {}

    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    // Greets the broker, then serves it with `threads` threads until the broker closes the socket.
    // kMemoryLock if there is no locked memory for the messages.
    base::Result<void> run(std::uint32_t threads);

  private:
    // A thread's memory: its message, the result, and the packet with the answer.
    struct Buffers {
        base::SecretBytes packet;
        base::SecretBytes output;
        base::SecretBytes reply;

        static base::Result<Buffers> create();
    };

    class OpenedKey;

    void serve(Buffers& buffers);
    void handle(const OpenKey& message, Buffers& buffers);
    void handle(const CloseKey& message, Buffers& buffers);
    void handle(const KeyOperation& message, Buffers& buffers);
    void handle(const UnwrapOaep& message, Buffers& buffers);
    void handle(const DeriveSecret& message, Buffers& buffers);
    void handle(const ListItems& message, Buffers& buffers);
    void handle(const MakeKey& message, Buffers& buffers);
    // Answers with what `operation` writes into the output, given the open key.
    template <typename Operation>
    void answer_operation(std::uint64_t id, std::uint64_t key, Buffers& buffers,
                          const Operation& operation);
    void send(const FromHost& message, Buffers& buffers) const;
    std::shared_ptr<const OpenedKey> find(std::uint64_t key) const;

    const Module& module_;
    int socket_;
    mutable std::shared_mutex keys_mutex_;
    std::unordered_map<std::uint64_t, std::shared_ptr<OpenedKey>> keys_;
};

// Tells the broker why this host cannot serve.
void refuse(int socket, const base::Error& error);

}  // namespace ecryptfs::pki
