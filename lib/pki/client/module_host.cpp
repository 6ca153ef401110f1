// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/client/module_host.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36's does not say so itself
}

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "lib/base/close_apart.h"
#include "lib/base/try.h"
#include "lib/pki/client/live_hosts.h"
#include "lib/pki/host_socket.h"
#include "lib/pki/time_limits.h"

namespace ecryptfs::pki {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

using namespace std::chrono_literals;

// For a whole list, and its greatest length.
constexpr auto kListTimeout = 120s;
constexpr std::size_t kMaxItems = 10'000;
// For a host to end by itself when it has closed its socket.
constexpr auto kTimeToEnd = 1s;

std::chrono::milliseconds time_until(std::chrono::steady_clock::time_point deadline) {
    const auto left = deadline - std::chrono::steady_clock::now();
    return std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(left));
}

// Whether the descriptor became readable. Without a deadline it waits as long as it takes.
bool wait_for_input(int fd, std::optional<std::chrono::steady_clock::time_point> deadline) {
    pollfd readable{fd, POLLIN, 0};
    int ready = 0;
    do {
        const auto timeout = deadline ? static_cast<int>(time_until(*deadline).count()) : -1;
        ready = ::poll(&readable, 1, timeout);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

std::uint64_t message_id(const FromHost& message) {
    return std::visit(
        [](const auto& one) -> std::uint64_t {
            if constexpr (requires { one.id; }) {
                return one.id;
            }
            return 0;
        },
        message);
}

Result<HostProcess> try_to_start(const HostPaths& paths, const std::string& module, HostTask task) {
    try {
        return start_host(paths, module, task);
    } catch (const base::Failure& failure) {
        return std::unexpected(failure.error());
    }
}

}  // namespace

Result<std::vector<std::string>> installed_modules(const HostPaths& paths) {
    std::vector<std::string> names;
    std::error_code failure;
    for (std::filesystem::directory_iterator entry(paths.module_folder, failure), end;
         !failure && entry != end; entry.increment(failure)) {
        if (entry->path().extension() == ".so") {
            names.push_back(entry->path().stem());
        }
    }
    if (names.empty()) {
        return std::unexpected(Error{ErrorCode::kUnknownModule,
                                     fmt::format("no PKI modules in {}", paths.module_folder),
                                     "install the package ecryptfs-agent anew"});
    }
    std::ranges::sort(names);
    return names;
}

Result<ModuleHost> ModuleHost::start(const HostPaths& paths, const std::string& module,
                                     HostTask task) {
    auto packet = TRY(base::SecretBytes::create(kMaxHostMessage));
    auto process = TRY(try_to_start(paths, module, task));
    ModuleHost host(paths, std::move(process), std::move(packet));
    add_live_host(host.process_.pid, host.process_.socket.get());
    const auto greeting = TRY(host.receive(after(kOpenLimit)));
    if (const auto* refusal = std::get_if<Refusal>(&greeting)) {
        return std::unexpected(to_error(*refusal));
    }
    const auto* hello = std::get_if<Hello>(&greeting);
    if (hello == nullptr || hello->protocol_version != kHostProtocolVersion) {
        return std::unexpected(Error{ErrorCode::kModuleFailed,
                                     "ecryptfs-pki-host is of another version than this program",
                                     "install the package ecryptfs-agent anew"});
    }
    return host;
}

ModuleHost::~ModuleHost() {
    if (process_.socket && process_.pid != 0) {
        end_host(process_.pid, process_.socket.get(), is_responsive_);
    }
    base::close_apart(std::move(process_.socket));
    base::close_apart(std::move(process_.text));
}

Result<void> ModuleHost::list(ItemKind kind, const std::function<void(const Item&)>& take) {
    const auto id = ++last_id_;
    if (auto sent = send(ListItems{id, kind}); !sent) {
        return sent;
    }
    const auto deadline = after(kListTimeout);
    for (std::size_t items = 0; items <= kMaxItems; ++items) {
        const auto answer = TRY(receive_answer(id, std::min(deadline, after(kOpenLimit))));
        if (const auto* item = std::get_if<Item>(&answer)) {
            take(*item);
        } else if (std::holds_alternative<Done>(answer)) {
            return {};
        } else if (const auto* failed = std::get_if<Failed>(&answer)) {
            return std::unexpected(to_error(failed->why));
        } else {
            break;
        }
    }
    return reject_answer();
}

Result<ModuleHost::OpenedKey> ModuleHost::open_key(std::uint64_t key, std::string_view locator,
                                                   const base::SecretEntry& secret, KeyUse use) {
    const OpenKey message{0, key, use, locator, secret};
    // Without a deadline: a person may have to touch the device or type on it.
    const auto answer = TRY(ask(message, std::nullopt));
    const auto* opened = std::get_if<Opened>(&answer);
    if (opened == nullptr) {
        return reject_answer();
    }
    const auto signature = TRY(wire::KeySignature::from_text(opened->signature));
    return OpenedKey{signature, std::string(opened->warning), opened->public_key.copy()};
}

Result<base::SecretBytes> ModuleHost::decrypt(std::uint64_t key, base::ByteView encrypted_fek) {
    return ask_for_secret(KeyOperation{0, key, base::FileKeyOperation::kDecrypt, encrypted_fek});
}

Result<base::SecretBytes> ModuleHost::decrypt_oaep(std::uint64_t key, OaepDigest digest,
                                                   base::ByteView input) {
    return ask_for_secret(UnwrapOaep{0, key, digest, input});
}

Result<base::SecretBytes> ModuleHost::derive(std::uint64_t key, base::ByteView peer) {
    return ask_for_secret(DeriveSecret{0, key, peer});
}

Result<std::vector<std::uint8_t>> ModuleHost::encrypt(std::uint64_t key, base::ByteView file_key) {
    const auto answer = TRY(
        ask(KeyOperation{0, key, base::FileKeyOperation::kEncrypt, file_key}, after(kOpenLimit)));
    const auto* done = std::get_if<Done>(&answer);
    if (done == nullptr) {
        return reject_answer();
    }
    return std::vector<std::uint8_t>(done->output.begin(), done->output.end());
}

Result<std::string> ModuleHost::make_key(const MakeKey& message) {
    const auto answer = TRY(ask(message, std::nullopt));
    const auto* done = std::get_if<Done>(&answer);
    return done != nullptr ? Result<std::string>(base::as_text(done->output)) : reject_answer();
}

// Sends a message and gives its one answer, or why it failed. Views end with the next call.
template <typename Message>
Result<FromHost> ModuleHost::ask(Message message, Deadline deadline) {
    message.id = ++last_id_;
    TRY(send(message));
    auto answer = receive_answer(message.id, deadline);
    if (answer) {
        if (const auto* failed = std::get_if<Failed>(&*answer)) {
            return std::unexpected(to_error(failed->why));
        }
    }
    return answer;
}

// Sends an operation and copies what it gives. Wipes the packet.
template <typename Message>
Result<base::SecretBytes> ModuleHost::ask_for_secret(Message message) {
    const auto answer = TRY(ask(message, after(kOpenLimit)));
    const auto* done = std::get_if<Done>(&answer);
    if (done == nullptr) {
        return reject_answer();
    }
    auto secret = base::SecretBytes::copy(done->output);
    ::explicit_bzero(packet_.span().data(), packet_.size());
    return secret;
}

Result<void> ModuleHost::send(const ToHost& message) {
    const auto packet = TRY(encode(message, packet_.span()));
    const auto sent = ::send(process_.socket.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
    ::explicit_bzero(packet_.span().data(), packet.size());
    if (sent < 0) {
        return std::unexpected(reap_lost_host());
    }
    unanswered_.insert(last_id_);
    return {};
}

// Skips late answers to earlier messages: each may still come, once.
Result<FromHost> ModuleHost::receive_answer(std::uint64_t id, Deadline deadline) {
    for (;;) {
        auto answer = receive(deadline);
        if (!answer) {
            return answer;
        }
        const auto answered = message_id(*answer);
        const bool is_item = std::holds_alternative<Item>(*answer);
        if (is_item ? answered != id : unanswered_.erase(answered) == 0) {
            return reject_answer();
        }
        if (answered == id) {
            return answer;
        }
    }
}

// Views end with the next call.
Result<FromHost> ModuleHost::receive(Deadline deadline) {
    while (wait_for_input(process_.socket.get(), deadline)) {
        const auto [outcome, packet] =
            receive_packet(process_.socket.get(), packet_.span(), MSG_DONTWAIT);
        switch (outcome) {
            case Reception::kPacket:
                return decode_from_host(packet);
            case Reception::kNothing:
                break;
            case Reception::kEnd:
                return std::unexpected(reap_lost_host());
            case Reception::kDescriptor:
                return reject_answer();
        }
    }
    is_responsive_ = false;
    return std::unexpected(Error{ErrorCode::kTimedOut, "the PKI module gave no answer in time",
                                 "see that the token or TPM is well, and try again"});
}

std::unexpected<Error> ModuleHost::reject_answer() {
    end_process();
    return std::unexpected(
        Error{ErrorCode::kModuleFailed, "the PKI host sent an answer that was not asked for"});
}

Error ModuleHost::reap_lost_host() {
    const base::UniqueFd process(::pidfd_open(process_.pid, 0));
    const bool ended = process && wait_for_input(process.get(), after(kTimeToEnd));
    const auto end = end_process();
    return ended ? host_ended(paths_, end.si_code, end.si_status)
                 : Error{ErrorCode::kModuleFailed, "the PKI host closed its connection"};
}

siginfo_t ModuleHost::end_process() {
    siginfo_t end{};
    if (process_.pid != 0) {
        remove_live_host(process_.pid);
        kill_host(process_.pid);
        ::waitid(P_PID, static_cast<id_t>(std::exchange(process_.pid, 0)), &end, WEXITED);
    }
    return end;
}

}  // namespace ecryptfs::pki
