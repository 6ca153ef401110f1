// SPDX-License-Identifier: Apache-2.0

#include "tests/cli/fake_agent.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <mutex>
#include <regex>
#include <thread>

#include "lib/base/handle.h"
#include "lib/base/sealed_memfd.h"
#include "lib/dbus/bus_error.h"
#include "lib/dbus/names.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using Bus = base::Handle<sd_bus, sd_bus_flush_close_unref>;
using Event = base::Handle<sd_event, sd_event_unref>;
using Message = base::Handle<sd_bus_message, sd_bus_message_unref>;

// Property names and their types, by interface.
using Types = std::map<std::string, std::map<std::string, std::string>>;

Types documented_types() {
    std::ifstream file(ECRYPTFS_AGENT_XML);
    const std::string xml{std::istreambuf_iterator<char>(file), {}};
    const std::regex pattern(R"re(<(interface|property) name="([\w.]+)"(?: type="([^"]+)")?)re");
    Types types;
    std::string interface;
    for (std::sregex_iterator match(xml.begin(), xml.end(), pattern), end; match != end; ++match) {
        if ((*match)[1] == "interface") {
            interface = (*match)[2];
        } else {
            types[interface][(*match)[2]] = (*match)[3];
        }
    }
    return types;
}

void append_value(sd_bus_message* message, const std::string& type,
                  const cli::PropertyValue& value) {
    if (type == "s") {
        sd_bus_message_append(message, "s", std::get<std::string>(value).c_str());
    } else if (type == "i") {
        sd_bus_message_append(message, "i",
                              static_cast<std::int32_t>(std::get<std::int64_t>(value)));
    } else if (type == "u") {
        sd_bus_message_append(message, "u",
                              static_cast<std::uint32_t>(std::get<std::uint64_t>(value)));
    } else if (type == "t") {
        sd_bus_message_append(message, "t", std::get<std::uint64_t>(value));
    } else {
        sd_bus_message_open_container(message, 'a', "{st}");
        for (const auto& [name, count] : std::get<cli::Counts>(value)) {
            sd_bus_message_append(message, "{st}", name.c_str(), count);
        }
        sd_bus_message_close_container(message);
    }
}

void append_properties(sd_bus_message* message, const Types& types, const char* interface,
                       const cli::Properties& properties) {
    sd_bus_message_open_container(message, 'a', "{sv}");
    for (const auto& [name, value] : properties) {
        const auto& type = types.at(interface).at(name);
        sd_bus_message_open_container(message, 'e', "sv");
        sd_bus_message_append(message, "s", name.c_str());
        sd_bus_message_open_container(message, 'v', type.c_str());
        append_value(message, type, value);
        sd_bus_message_close_container(message);
        sd_bus_message_close_container(message);
    }
    sd_bus_message_close_container(message);
}

void append_object(sd_bus_message* message, const Types& types, const std::string& path,
                   const char* interface, const cli::Properties& properties) {
    sd_bus_message_open_container(message, 'e', "oa{sa{sv}}");
    sd_bus_message_append(message, "o", path.c_str());
    sd_bus_message_open_container(message, 'a', "{sa{sv}}");
    sd_bus_message_open_container(message, 'e', "sa{sv}");
    sd_bus_message_append(message, "s", interface);
    append_properties(message, types, interface, properties);
    sd_bus_message_close_container(message);
    // As the real one has it: interfaces that ecryptfsctl does not care about.
    sd_bus_message_append(message, "{sa{sv}}", "org.freedesktop.DBus.Introspectable", 0);
    sd_bus_message_close_container(message);
    sd_bus_message_close_container(message);
}

}  // namespace

class FakeAgent::Service {
  public:
    Service(const std::string& address, FakeAgentScript script)
        : script_(std::move(script)), stop_(::eventfd(0, EFD_CLOEXEC)) {
        sd_bus* bus = nullptr;
        EXPECT_GE(sd_bus_new(&bus), 0);
        bus_.reset(bus);
        EXPECT_GE(sd_bus_set_address(bus, address.c_str()), 0);
        EXPECT_GE(sd_bus_set_bus_client(bus, 1), 0);
        EXPECT_GE(sd_bus_negotiate_fds(bus, 1), 0);
        EXPECT_GE(sd_bus_start(bus), 0);
        EXPECT_GE(sd_bus_add_filter(bus, nullptr, &Service::on_message, this), 0);
        EXPECT_GE(sd_bus_request_name(bus, dbus::kBusName, 0), 0);
        thread_ = std::thread([this] { serve(); });
    }
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    ~Service() {
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(stop_.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
        thread_.join();
    }

    std::vector<std::string> calls() {
        const std::lock_guard lock(mutex_);
        return calls_;
    }

  private:
    void serve() {
        sd_event* raw = nullptr;
        EXPECT_GE(sd_event_new(&raw), 0);
        const Event event(raw);
        EXPECT_GE(sd_bus_attach_event(bus_.get(), raw, 0), 0);
        EXPECT_GE(sd_event_add_io(
                      raw, nullptr, stop_.get(), EPOLLIN,
                      [](sd_event_source* source, int, std::uint32_t, void*) {
                          return sd_event_exit(sd_event_source_get_event(source), 0);
                      },
                      nullptr),
                  0);
        sd_event_loop(raw);
        sd_bus_detach_event(bus_.get());
    }

    static int on_message(sd_bus_message* message, void* service, sd_bus_error*) {
        const char* member = sd_bus_message_get_member(message);
        if (sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0 || member == nullptr) {
            return 0;
        }
        static_cast<Service*>(service)->answer(message, member);
        return 1;
    }

    void answer(sd_bus_message* message, const std::string& member) {
        if (script_.deaths.contains(member)) {
            sd_bus_close(bus_.get());
            return;
        }
        if (const auto failure = script_.failures.find(member); failure != script_.failures.end()) {
            record(message, member);
            fail(message, failure->second);
        } else if (const auto foreign = script_.foreign_failures.find(member);
                   foreign != script_.foreign_failures.end()) {
            sd_bus_reply_method_errorf(message, foreign->second.c_str(), "said by a test");
        } else if (script_.wrong_answers.contains(member)) {
            sd_bus_reply_method_return(message, "y", 7);
        } else if (member == "GetAll") {
            answer_get_all(message);
        } else if (member == "GetManagedObjects") {
            answer_objects(message);
        } else {
            answer_method(message, member, record(message, member));
        }
    }

    // Notes the call and its arguments; gives the secret, if the call has one.
    std::string record(sd_bus_message* message, const std::string& member) {
        std::string call = member;
        std::string secret;
        const std::string path = sd_bus_message_get_path(message);
        if (path != dbus::kManagerPath) {
            call += " " + path.substr(path.rfind('/') + 1);
        }
        for (char type = 0; sd_bus_message_peek_type(message, &type, nullptr) > 0;) {
            std::string argument;
            if (type == 'h') {
                int fd = -1;
                sd_bus_message_read_basic(message, type, &fd);
                const auto sent = base::read_sealed_memfd(fd);
                EXPECT_TRUE(sent);
                secret = argument = sent ? std::string(base::as_text(sent->view())) : "";
            } else if (type == 'i') {
                std::int32_t number = 0;
                sd_bus_message_read_basic(message, type, &number);
                argument = "SERIAL";
                const std::lock_guard lock(mutex_);
            } else {
                const char* text = nullptr;
                sd_bus_message_read_basic(message, type, static_cast<void*>(&text));
                argument = text;
            }
            call += " " + argument;
        }
        const std::lock_guard lock(mutex_);
        calls_.push_back(call);
        return secret;
    }

    void answer_method(sd_bus_message* message, const std::string& member,
                       const std::string& secret) {
        const bool opens = member == "AddKey" || member == "Unlock";
        const std::string path = sd_bus_message_get_path(message);
        const std::string signature = path.substr(path.rfind('/') + 1);
        if (path != dbus::kManagerPath && !script_.keys.contains(signature)) {
            sd_bus_reply_method_errorf(message, "org.freedesktop.DBus.Error.UnknownObject",
                                       "Unknown object '%s'.", path.c_str());
        } else if (opens && !script_.secret.empty() && secret.empty()) {
            fail(message, {ErrorCode::kSecretRequired, "the key needs a passphrase"});
        } else if (opens && secret != script_.secret) {
            fail(message, {ErrorCode::kWrongSecret, "wrong passphrase", "try again"});
        } else if (member == "AddKey") {
            answer_add_key(message);
        } else if (member == "RegisterToken") {
            sd_bus_reply_method_return(message, "o",
                                       fmt::format("{}/x", dbus::kKeyPathPrefix).c_str());
        } else {
            if (member == "Lock") {
                for (auto& [name, properties] : script_.keys) {
                    properties["State"] = std::string("locked");
                }
            }
            sd_bus_reply_method_return(message, "");
        }
    }

    void answer_add_key(sd_bus_message* message) {
        sd_bus_message* raw = nullptr;
        sd_bus_message_new_method_return(message, &raw);
        const Message reply(raw);
        sd_bus_message_append(raw, "s", script_.signature.c_str());
        sd_bus_message_append_array(raw, 'y', script_.token.data(), script_.token.size());
        sd_bus_message_append(raw, "s", script_.warning.c_str());
        sd_bus_send(bus_.get(), raw, nullptr);
    }

    void answer_get_all(sd_bus_message* message) {
        const char* interface = nullptr;
        sd_bus_message_read_basic(message, 's', static_cast<void*>(&interface));
        const std::string path = sd_bus_message_get_path(message);
        const auto key = script_.keys.find(path.substr(path.rfind('/') + 1));
        if (path != dbus::kManagerPath && key == script_.keys.end()) {
            sd_bus_reply_method_errorf(message, "org.freedesktop.DBus.Error.UnknownObject",
                                       "Unknown object '%s'.", path.c_str());
            return;
        }
        sd_bus_message* raw = nullptr;
        sd_bus_message_new_method_return(message, &raw);
        const Message reply(raw);
        append_properties(raw, types_, interface,
                          path == dbus::kManagerPath ? script_.manager : key->second);
        sd_bus_send(bus_.get(), raw, nullptr);
    }

    void answer_objects(sd_bus_message* message) {
        sd_bus_message* raw = nullptr;
        sd_bus_message_new_method_return(message, &raw);
        const Message reply(raw);
        sd_bus_message_open_container(raw, 'a', "{oa{sa{sv}}}");
        append_object(raw, types_, dbus::kManagerPath, dbus::kManagerInterface, script_.manager);
        for (const auto& [signature, properties] : script_.keys) {
            append_object(raw, types_, fmt::format("{}/{}", dbus::kKeyPathPrefix, signature),
                          dbus::kKeyInterface, properties);
        }
        for (std::size_t i = 0; i < script_.modules.size(); ++i) {
            append_object(raw, types_, fmt::format("{}/m{}", dbus::kModulePathPrefix, i),
                          dbus::kModuleInterface, script_.modules[i]);
        }
        sd_bus_message_close_container(raw);
        sd_bus_send(bus_.get(), raw, nullptr);
    }

    static void fail(sd_bus_message* message, const base::Error& error) {
        sd_bus_reply_method_errorf(message, dbus::bus_error_name(error.code).c_str(), "%s",
                                   dbus::bus_error_text(error).c_str());
    }

    FakeAgentScript script_;
    Types types_ = documented_types();
    base::UniqueFd stop_;
    Bus bus_;
    std::mutex mutex_;
    std::vector<std::string> calls_;
    std::thread thread_;
};

FakeAgent::FakeAgent(const std::string& bus_address, FakeAgentScript script)
    : service_(std::make_unique<Service>(bus_address, std::move(script))) {}

FakeAgent::~FakeAgent() = default;

std::vector<std::string> FakeAgent::calls() const {
    return service_->calls();
}

FakeAgentScript documented_agent() {
    using std::uint64_t;
    constexpr uint64_t kNineOClock = 1'772'355'600'000'000;  // 2026-03-01 09:00 UTC
    const auto text = [](const char* value) { return cli::PropertyValue(std::string(value)); };
    const auto number = [](uint64_t value) { return cli::PropertyValue(value); };
    return {
        .manager = {{"Version", text("0.1.0")},
                    {"Pid", number(1234)},
                    {"DevicePath", text("/dev/ecryptfs")},
                    {"DeviceState", text("Open")},
                    {"DeviceMessage", text("")},
                    {"DeviceAdvice", text("")},
                    {"DeviceOpenedUsec", number(kNineOClock)},
                    {"KernelFeatures", number(375)},
                    {"Received", number(120)},
                    {"InFlight", number(0)},
                    {"Answered", number(118)},
                    {"Failed", cli::Counts{{"KeyLocked", 2}}},
                    {"Stale", number(0)},
                    {"Late", number(0)},
                    {"Malformed", number(0)},
                    {"DeviceLosses", number(0)},
                    {"OldestAgeUsec", number(0)}},
        .keys = {{"fe3467554552491d",
                  {{"Signature", text("fe3467554552491d")},
                   {"Module", text("openssl")},
                   {"Locator", text("file:///home/ada/.ecryptfs/key.pem")},
                   {"State", text("unlocked")},
                   {"Serial", std::int64_t{491809326}},
                   {"Keyring", text("user")},
                   {"ExpiresUsec", number(0)},
                   {"Answered", number(118)},
                   {"Failed", number(0)},
                   {"LatencyMedianUsec", number(850)},
                   {"LatencyP99Usec", number(2100)}}}},
        .modules = {{{"Name", text("openssl")},
                     {"Version", text("0.1.0")},
                     {"Description", text("RSA keys in PEM files")},
                     {"HostPid", number(1240)},
                     {"HostStartedUsec", number(kNineOClock + 2'000'000)},
                     {"Restarts", number(0)},
                     {"LatencyMedianUsec", number(820)},
                     {"LatencyP99Usec", number(2000)}}},
        .signature = "fe3467554552491d",
        .token = std::string(780, 't'),
    };
}

}  // namespace ecryptfs::test
