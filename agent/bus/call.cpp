// SPDX-License-Identifier: Apache-2.0

#include "agent/bus/call.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <type_traits>
#include <utility>

#include "agent/runtime/exception_wall.h"
#include "lib/base/handle.h"
#include "lib/base/sealed_memfd.h"
#include "lib/base/try.h"
#include "lib/dbus/bus_error.h"
#include "lib/dbus/message.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using MessageHandle = base::Handle<sd_bus_message, ::sd_bus_message_unref>;

// Reads the next argument.
template <typename Read>
auto read_argument(sd_bus_message* message, Read read)
    -> Result<std::invoke_result_t<Read, dbus::MessageReader&>> {
    dbus::MessageReader reader(message);
    auto value = read(reader);
    if (!reader.ok()) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("an argument of type {} is missing", reader.missing())});
    }
    return value;
}

// A call whose caller's user is not known yet: the bus was asked.
struct Unproven {
    BusCall call;
    std::function<void(const BusCall&)> action;

    static int answered(sd_bus_message* reply, void* data, sd_bus_error* /*error*/) noexcept {
        const std::unique_ptr<Unproven> self(static_cast<Unproven*>(data));
        const auto decide = [&] {
            self->decide(reply);
            return 0;
        };
        const auto decide_or_fail = [&] {
            if (guarded("bus method", decide) < 0) {
                self->call.fail({ErrorCode::kInternal, "the agent failed; see its log"});
            }
            return 0;
        };
        return guarded("reply to a bus method", decide_or_fail, /*failure=*/0);
    }

    void decide(sd_bus_message* reply) const {
        dbus::MessageReader reader(reply);
        if (::sd_bus_message_is_method_error(reply, nullptr) != 0 ||
            reader.read_number<std::uint32_t>() != ::geteuid() || !reader.ok()) {
            call.fail({ErrorCode::kAccessDenied, "the agent serves only its own user"});
            return;
        }
        action(call);
    }
};

}  // namespace

BusCall::BusCall(sd_bus_message* message)
    : message_(::sd_bus_message_ref(message), ::sd_bus_message_unref) {}

Result<std::string> BusCall::read_text() const {
    return read_argument(message(), [](auto& reader) { return reader.read_text(); });
}

Result<wire::KeySignature> BusCall::read_signature() const {
    const auto text = TRY(read_text());
    auto signature = wire::KeySignature::from_text(text);
    if (!signature) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument, signature.error().message});
    }
    return signature;
}

Result<std::int32_t> BusCall::read_number() const {
    return read_argument(message(),
                         [](auto& reader) { return reader.template read_number<std::int32_t>(); });
}

Result<std::optional<base::SecretBytes>> BusCall::read_secret() const {
    const int fd =
        TRY(read_argument(message(), [](auto& reader) { return reader.read_descriptor(); }));
    auto secret = TRY(base::read_sealed_memfd(fd));
    return secret.empty() ? std::nullopt : std::optional(std::move(secret));
}

void BusCall::succeed() const {
    succeed([](dbus::MessageWriter& /*results*/) {});
}

void BusCall::succeed(const std::function<void(dbus::MessageWriter&)>& write_results) const {
    sd_bus_message* reply = nullptr;
    if (::sd_bus_message_new_method_return(message(), &reply) < 0) {
        return;
    }
    const MessageHandle owned(reply);
    dbus::MessageWriter results(reply);
    write_results(results);
    if (results.result() < 0) {
        fail(base::system_error(ErrorCode::kInternal, "writing a reply", -results.result()));
        return;
    }
    ::sd_bus_send(nullptr, reply, nullptr);
}

void BusCall::fail(const Error& error) const {
    ::sd_bus_reply_method_errorf(message(), dbus::bus_error_name(error.code).c_str(), "%s",
                                 dbus::bus_error_text(error).c_str());
}

void BusCall::finish(const Result<void>& result) const {
    if (result) {
        succeed();
    } else {
        fail(result.error());
    }
}

void run_for_own_user(sd_bus_message* message, std::function<void(const BusCall&)> action) {
    auto unproven = std::make_unique<Unproven>(Unproven{BusCall(message), std::move(action)});
    const char* sender = ::sd_bus_message_get_sender(message);
    const int sent = ::sd_bus_call_method_async(::sd_bus_message_get_bus(message), nullptr,
                                                "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                "org.freedesktop.DBus", "GetConnectionUnixUser",
                                                Unproven::answered, unproven.get(), "s", sender);
    if (sent < 0) {
        unproven->call.fail(
            base::system_error(ErrorCode::kInternal, "asking the bus about its caller", -sent));
        return;
    }
    static_cast<void>(unproven.release());  // answered() takes it
}

}  // namespace ecryptfs::agent
