// SPDX-License-Identifier: Apache-2.0

#include "tests/integration/bus_client.h"

#include <gtest/gtest.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace ecryptfs::test {
namespace {

constexpr char kAgent[] = "org.ecryptfs.Agent1";
constexpr std::string_view kErrorPrefix = "org.ecryptfs.Agent1.Error.";

std::uint64_t patience_usec() {
    return std::chrono::duration_cast<std::chrono::microseconds>(kPatience).count();
}

std::string body_of(sd_bus_message* message) {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* stream = ::open_memstream(&text, &size);
    ::sd_bus_message_dump(message, stream, SD_BUS_MESSAGE_DUMP_SUBTREE_ONLY);
    std::fclose(stream);
    std::string body(text, size);
    ::free(text);
    return body;
}

}  // namespace

BusClient::BusClient(const std::string& address) {
    EXPECT_GE(::sd_bus_new(&bus_), 0);
    EXPECT_GE(::sd_bus_set_address(bus_, address.c_str()), 0);
    EXPECT_GE(::sd_bus_set_bus_client(bus_, 1), 0);
    EXPECT_GE(::sd_bus_start(bus_), 0);
    const auto on_signal = [](sd_bus_message* message, void* self, sd_bus_error* /*error*/) {
        static_cast<BusClient*>(self)->take_signal(message);
        return 0;
    };
    EXPECT_GE(
        ::sd_bus_match_signal(bus_, nullptr, kAgent, nullptr, nullptr, nullptr, on_signal, this),
        0);
}

BusClient::~BusClient() {
    ::sd_bus_flush_close_unref(bus_);
}

int BusClient::append(sd_bus_message* message, const char* types, ...) {
    va_list arguments;
    va_start(arguments, types);
    const int result = ::sd_bus_message_appendv(message, types, arguments);
    va_end(arguments);
    return result;
}

CallResult BusClient::finish_call(const std::string& path, const char* interface,
                                  const char* member,
                                  const std::function<int(sd_bus_message*)>& fill) {
    sd_bus_message* request = nullptr;
    EXPECT_GE(
        ::sd_bus_message_new_method_call(bus_, &request, kAgent, path.c_str(), interface, member),
        0);
    EXPECT_GE(fill(request), 0);
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message* reply = nullptr;
    CallResult result;
    if (::sd_bus_call(bus_, request, patience_usec(), &error, &reply) < 0) {
        result.error = error.name;
        result.error_text = error.message;
        if (result.error.starts_with(kErrorPrefix)) {
            result.error.erase(0, kErrorPrefix.size());
        }
    } else {
        result.reply = std::shared_ptr<sd_bus_message>(reply, ::sd_bus_message_unref);
    }
    ::sd_bus_error_free(&error);
    ::sd_bus_message_unref(request);
    return result;
}

void BusClient::finish_post(const std::string& path, const char* interface, const char* member,
                            const std::function<int(sd_bus_message*)>& fill) {
    sd_bus_message* message = nullptr;
    EXPECT_GE(
        ::sd_bus_message_new_method_call(bus_, &message, kAgent, path.c_str(), interface, member),
        0);
    EXPECT_GE(fill(message), 0);
    EXPECT_GE(::sd_bus_message_set_expect_reply(message, 0), 0);
    EXPECT_GE(::sd_bus_send(bus_, message, nullptr), 0);
    ::sd_bus_message_unref(message);
    EXPECT_GE(::sd_bus_flush(bus_), 0);
}

std::string BusClient::introspect(const std::string& path) {
    const auto answer = call(path, "org.freedesktop.DBus.Introspectable", "Introspect");
    const char* text = nullptr;
    EXPECT_EQ(answer.error, "");
    EXPECT_GT(::sd_bus_message_read_basic(answer.reply.get(), 's', &text), 0);
    return text;
}

BusClient::AddedKey BusClient::add_key(const char* module, const char* locator, int secret_fd) {
    const auto answer =
        call("/org/ecryptfs/Agent1", kAgent, "AddKey", "ssh", module, locator, secret_fd);
    AddedKey added{answer.error, {}, {}};
    const char* signature = nullptr;
    const void* token = nullptr;
    std::size_t size = 0;
    if (answer.reply != nullptr &&
        ::sd_bus_message_read_basic(answer.reply.get(), 's', &signature) > 0 &&
        ::sd_bus_message_read_array(answer.reply.get(), 'y', &token, &size) >= 0) {
        const auto* bytes = static_cast<const std::uint8_t*>(token);
        added.signature = signature;
        added.token.assign(bytes, bytes + size);
    }
    return added;
}

void BusClient::take_signal(sd_bus_message* message) {
    signals_.push_back({::sd_bus_message_get_path(message), ::sd_bus_message_get_member(message),
                        body_of(message)});
}

Signal BusClient::wait_for_signal(const std::function<bool(const Signal&)>& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
        const auto found = std::ranges::find_if(signals_, wanted);
        if (found != signals_.end()) {
            auto signal = *found;
            signals_.erase(signals_.begin(), found + 1);
            return signal;
        }
        if (::sd_bus_process(bus_, nullptr) == 0) {
            ::sd_bus_wait(bus_, patience_usec());
        }
    }
    std::string heard;
    for (const auto& signal : signals_) {
        heard += signal.path + " " + signal.member + " " + signal.body + "\n";
    }
    ADD_FAILURE() << "no such signal, but:\n" << heard;
    return {};
}

Signal BusClient::wait_for_signal(const std::string& member, const std::string& part) {
    return wait_for_signal([&](const Signal& signal) {
        return signal.member == member && signal.body.find(part) != std::string::npos;
    });
}

}  // namespace ecryptfs::test
