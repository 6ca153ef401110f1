// SPDX-License-Identifier: Apache-2.0
//
// PKI hosts that only record what they are told, and say what a test has them say.

#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/modules/host_launcher.h"
#include "tests/unit/support.h"

namespace ecryptfs::test {

// Of a key that a fake host has opened.
inline constexpr char kFakeSignature[] = "0123456789abcdef";

// A message to a host, with its own copy of what that views.
struct Told {
    explicit Told(const pki::ToHost& message) {
        if (const auto* open = std::get_if<pki::OpenKey>(&message)) {
            kind = Kind::kOpen;
            id = open->id;
            key = open->key;
            if (const auto bytes = base::secret_bytes(open->secret)) {
                secret.emplace(base::as_text(*bytes));
            }
        } else if (const auto* operation = std::get_if<pki::KeyOperation>(&message)) {
            kind = Kind::kOperation;
            id = operation->id;
            key = operation->key;
            input = copy(operation->input);
        } else if (const auto* close = std::get_if<pki::CloseKey>(&message)) {
            kind = Kind::kClose;
            key = close->key;
        } else {
            ADD_FAILURE() << "the agent lists no items and makes no keys";
        }
    }

    enum class Kind { kOpen, kOperation, kClose };
    Kind kind = Kind::kOpen;
    std::uint64_t id = 0;
    std::uint64_t key = 0;
    std::optional<std::string> secret;
    Bytes input;
};

class FakeHost {
  public:
    FakeHost(agent::HostListener& listener, std::string module_name, pid_t number)
        : module(std::move(module_name)), pid(number), listener_(listener) {}

    const std::string module;
    const pid_t pid;
    // What it was told and a test has not taken.
    std::deque<Told> told;
    bool takes_messages = true;
    bool is_finishing = false;
    bool is_ended = false;  // killed
    bool is_deleted = false;
    std::function<void(const Told&)> check = [](const Told&) {};  // of each message

    bool is_heard() const { return !is_finishing && !is_ended && !is_deleted; }
    // Nobody hears it once it is ended.
    void say(const pki::FromHost& message) {
        if (is_heard()) {
            listener_.message_arrived(message);
        }
        if (is_heard()) {
            listener_.messages_read();
        }
    }
    void greet(std::uint32_t threads = 1) {
        say(pki::Hello{pki::kHostProtocolVersion, threads, module, "1.0", "a fake"});
    }
    void write(std::string_view text) { listener_.text_arrived(text); }
    void die(const base::Error& why = {base::ErrorCode::kModuleFailed, "the fake host died"}) {
        if (is_heard()) {
            listener_.connection_lost(why);
        }
    }

    // The next thing that it was told.
    Told take() {
        if (told.empty()) {
            ADD_FAILURE() << "the host was told nothing";
            return Told(pki::CloseKey{});
        }
        auto next = std::move(told.front());
        told.pop_front();
        return next;
    }

  private:
    agent::HostListener& listener_;
};

class FakeLauncher : public agent::HostLauncher {
  public:
    base::Result<std::unique_ptr<agent::RunningHost>> start(agent::HostListener& listener,
                                                            const wire::PkiType& module) override {
        if (failure) {
            return std::unexpected(*failure);
        }
        hosts.push_back(std::make_shared<FakeHost>(listener, module.text(),
                                                   static_cast<pid_t>(1000 + hosts.size())));
        started(*hosts.back());
        return std::make_unique<Running>(hosts.back());
    }

    FakeHost& last() { return *hosts.back(); }

    std::vector<std::shared_ptr<FakeHost>> hosts;  // all that were started
    std::optional<base::Error> failure;            // to start one
    std::function<void(FakeHost&)> started = [](FakeHost&) {};

  private:
    class Running : public agent::RunningHost {
      public:
        explicit Running(std::shared_ptr<FakeHost> host) : host_(std::move(host)) {}
        ~Running() override { host_->is_deleted = true; }

        pid_t pid() const override { return host_->pid; }
        bool send(const pki::ToHost& message) override {
            if (!host_->takes_messages || !host_->is_heard()) {
                return false;
            }
            host_->told.emplace_back(message);
            host_->check(host_->told.back());
            return true;
        }
        void finish() override { host_->is_finishing = true; }
        void end() override { host_->is_ended = true; }

      private:
        std::shared_ptr<FakeHost> host_;
    };
};

}  // namespace ecryptfs::test
