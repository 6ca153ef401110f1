// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/server.h"

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/base/try.h"
#include "pki-modules/host/public_point.h"
#include "pki-modules/host/signature.h"

namespace ecryptfs::pki {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::size_t kMaxOutput = 1024;

Failed failed(std::uint64_t id, const Error& error) {
    return {id, {error.code, error.message, error.advice}};
}

void send_packet(int socket, const FromHost& message, base::ByteSpan buffer) {
    if (const auto packet = encode(message, buffer)) {
        // The next receive notices a broker that is gone.
        static_cast<void>(::send(socket, packet->data(), packet->size(), MSG_NOSIGNAL));
        ::explicit_bzero(buffer.data(), packet->size());
    }
}

struct OpenResult {
    std::shared_ptr<const ModuleKey> key;
    std::string signature;
    KeyDescription description;
};

Result<OpenResult> open_key(const Module& module, const OpenKey& message) {
    auto key = TRY(module.open(std::string(message.locator), message.secret, message.use));
    auto description = TRY((key)->describe());
    const auto signature = TRY(compute_signature(description.public_key));
    return OpenResult{std::move(key), std::string(signature.text()), std::move(description)};
}

}  // namespace

// A key and its users. Tells the broker that it is closed only when the last user is done, as the
// module wipes the key no sooner.
class Server::OpenedKey {
  public:
    OpenedKey(std::shared_ptr<const ModuleKey> key, PublicKeyKind kind, std::uint64_t number,
              int socket)
        : key_(std::move(key)), kind_(kind), number_(number), socket_(socket) {}
    OpenedKey(const OpenedKey&) = delete;
    OpenedKey& operator=(const OpenedKey&) = delete;
    ~OpenedKey() {
        key_.reset();
        if (closed_) {
            std::array<std::uint8_t, 16> buffer{};
            send_packet(socket_, Closed{number_}, buffer);
        }
    }

    const ModuleKey& operator*() const { return *key_; }
    PublicKeyKind kind() const { return kind_; }
    void close() { closed_ = true; }

  private:
    std::shared_ptr<const ModuleKey> key_;
    PublicKeyKind kind_;
    std::uint64_t number_;
    int socket_;
    std::atomic<bool> closed_ = false;
};

Server::~Server() = default;

Result<Server::Buffers> Server::Buffers::create() {
    Buffers buffers;
    for (auto [memory, size] :
         {std::pair{&buffers.packet, kMaxHostMessage}, std::pair{&buffers.output, kMaxOutput},
          std::pair{&buffers.reply, kMaxHostMessage}}) {
        auto created = TRY(base::SecretBytes::create(size));
        *memory = std::move(created);
    }
    return buffers;
}

Result<void> Server::run(std::uint32_t threads) {
    std::vector<Buffers> buffers;
    for (std::uint32_t i = 0; i < threads; ++i) {
        auto created = TRY(Buffers::create());
        buffers.push_back(std::move(created));
    }
    send(Hello{kHostProtocolVersion, threads, module_.name(), module_.version(),
               module_.description()},
         buffers.front());

    std::vector<std::jthread> workers;
    for (std::uint32_t i = 1; i < threads; ++i) {
        workers.emplace_back([this, &mine = buffers[i]] { serve(mine); });
    }
    serve(buffers.front());
    return {};
}

void Server::serve(Buffers& buffers) {
    for (;;) {
        const auto size = ::recv(socket_, buffers.packet.span().data(), buffers.packet.size(), 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return;
        }
        // A message that does not decode is a fault of ours. It has no id to answer, so the
        // broker's deadline deals with it.
        const auto packet = buffers.packet.span().first(static_cast<std::size_t>(size));
        if (const auto message = decode_to_host(packet)) {
            std::visit([&](const auto& one) { handle(one, buffers); }, *message);
        }
        ::explicit_bzero(packet.data(), packet.size());  // it may hold a secret
    }
}

void Server::handle(const OpenKey& message, Buffers& buffers) {
    auto opened = open_key(module_, message);
    if (!opened) {
        send(failed(message.id, opened.error()), buffers);
        return;
    }
    const auto& [public_key, warning, locator] = opened->description;
    {
        const std::unique_lock lock(keys_mutex_);
        // Moved, so that the map and its users are the only owners.
        keys_.insert_or_assign(message.key,
                               std::make_shared<OpenedKey>(std::move(opened->key), public_key.kind,
                                                           message.key, socket_));
    }
    send(Opened{message.id, opened->signature, warning, locator, PublicKeyView(public_key)},
         buffers);
}

void Server::handle(const CloseKey& message, Buffers& buffers) {
    std::shared_ptr<OpenedKey> key;  // if we are its last user, destroyed outside the lock
    {
        const std::unique_lock lock(keys_mutex_);
        if (auto found = keys_.extract(message.key)) {
            key = std::move(found.mapped());
        }
    }
    if (key) {
        key->close();
    } else {
        send(Closed{message.key}, buffers);
    }
}

template <typename Operation>
void Server::answer_operation(std::uint64_t id, std::uint64_t number, Buffers& buffers,
                              const Operation& operation) {
    const auto key = find(number);
    if (!key) {
        send(failed(id, {ErrorCode::kInternal, "the host has no such key open"}), buffers);
        return;
    }
    const Result<base::ByteView> output = operation(*key, buffers.output.span());
    if (output) {
        send(Done{id, *output}, buffers);
    } else {
        send(failed(id, output.error()), buffers);
    }
    ::explicit_bzero(buffers.output.span().data(), buffers.output.size());
}

void Server::handle(const KeyOperation& message, Buffers& buffers) {
    answer_operation(message.id, message.key, buffers,
                     [&](const OpenedKey& key, base::ByteSpan output) {
                         return (*key).run(message.action, message.input, output);
                     });
}

void Server::handle(const UnwrapOaep& message, Buffers& buffers) {
    answer_operation(message.id, message.key, buffers,
                     [&](const OpenedKey& key, base::ByteSpan output) {
                         return (*key).decrypt_oaep(message.digest, message.input, output);
                     });
}

void Server::handle(const DeriveSecret& message, Buffers& buffers) {
    answer_operation(message.id, message.key, buffers,
                     [&](const OpenedKey& key, base::ByteSpan output) {
                         return derive_secret(*key, key.kind(), message.peer, output);
                     });
}

void Server::handle(const ListItems& message, Buffers& buffers) {
    const auto listed = module_.list(message.kind, [&](const Item& found) {
        Item item = found;
        item.id = message.id;
        send(item, buffers);
    });
    if (listed) {
        send(Done{message.id, {}}, buffers);
    } else {
        send(failed(message.id, listed.error()), buffers);
    }
}

void Server::handle(const MakeKey& message, Buffers& buffers) {
    const auto locator = module_.make_key(message);
    if (locator) {
        send(Done{message.id, base::as_bytes(*locator)}, buffers);
    } else {
        send(failed(message.id, locator.error()), buffers);
    }
}

void Server::send(const FromHost& message, Buffers& buffers) const {
    send_packet(socket_, message, buffers.reply.span());
}

std::shared_ptr<const Server::OpenedKey> Server::find(std::uint64_t key) const {
    const std::shared_lock lock(keys_mutex_);
    const auto found = keys_.find(key);
    return found == keys_.end() ? nullptr : found->second;
}

void refuse(int socket, const Error& error) {
    std::vector<std::uint8_t> buffer(kMaxHostMessage);
    send_packet(socket, Refusal{error.code, error.message, error.advice}, buffer);
}

}  // namespace ecryptfs::pki
