// SPDX-License-Identifier: Apache-2.0
//
// C code that calls us back must never see an exception. Each function that sd-bus or sd-event is
// given does its work inside guarded().

#pragma once

#include <cerrno>
#include <exception>
#include <utility>

struct sd_bus_message;

namespace ecryptfs::agent {

// Never throws: writes no line if there is no memory for it.
void log_escaped_exception(const char* what, const char* why) noexcept;

// The result of `call`, an int for sd-bus or sd-event. An exception is logged as a failure of
// `what`, and the result is then `failure`.
template <typename Call>
int guarded(const char* what, Call&& call, int failure = -EIO) noexcept {
    try {
        return std::forward<Call>(call)();
    } catch (const std::exception& unexpected) {
        log_escaped_exception(what, unexpected.what());
    } catch (...) {
        log_escaped_exception(what, "unknown exception");
    }
    return failure;
}

template <typename Object>
void hear(void (Object::*heard)(sd_bus_message*), void* object, sd_bus_message* message) {
    (static_cast<Object*>(object)->*heard)(message);
}

// A handler for signals and replies, an sd_bus_message_handler_t, made of a member function of the
// object that sd-bus is given.
template <auto Heard, typename BusError>
int message_handler(sd_bus_message* message, void* object, BusError* /*error*/) noexcept {
    const auto listen = [&] {
        hear(Heard, object, message);
        return 0;
    };
    return guarded("message handler", listen, /*failure=*/0);  // any other closes the connection
}

}  // namespace ecryptfs::agent
