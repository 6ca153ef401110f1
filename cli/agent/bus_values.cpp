// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/bus_values.h"

#include <systemd/sd-bus.h>

#include <optional>
#include <string_view>

namespace ecryptfs::cli {
namespace {

// Reads a message in order. Once something was not as expected, ok() is false and stays so: check
// once, at the end.
class MessageReader {
  public:
    explicit MessageReader(sd_bus_message* message) : message_(message) {}

    bool ok() const { return ok_; }

    template <typename T>
    T basic(char type) {
        T value{};
        ok_ = ok_ && sd_bus_message_read_basic(message_, type, static_cast<void*>(&value)) > 0;
        return ok_ ? value : T{};
    }

    std::string string(char type = 's') {
        const auto* text = basic<const char*>(type);
        return text == nullptr ? std::string() : std::string(text);
    }

    // Calls `read_entry` at the start of each entry of a dictionary.
    template <typename ReadEntry>
    void dictionary(const char* entry_contents, ReadEntry read_entry) {
        const std::string array_contents = "{" + std::string(entry_contents) + "}";
        if (!enter(SD_BUS_TYPE_ARRAY, array_contents.c_str())) {
            return;
        }
        while (ok_ && sd_bus_message_at_end(message_, 0) == 0 &&
               enter(SD_BUS_TYPE_DICT_ENTRY, entry_contents)) {
            read_entry();
            leave();
        }
        leave();
    }

    std::optional<PropertyValue> variant() {
        const char* contents = nullptr;
        char type = 0;
        ok_ = ok_ && sd_bus_message_peek_type(message_, &type, &contents) > 0 &&
              type == SD_BUS_TYPE_VARIANT;
        if (!ok_ || !enter(SD_BUS_TYPE_VARIANT, contents)) {
            return std::nullopt;
        }
        auto value = known_value(contents);
        if (!value) {
            ok_ = ok_ && sd_bus_message_skip(message_, nullptr) >= 0;
        }
        leave();
        return value;
    }

    Properties properties() {
        Properties properties;
        dictionary("sv", [&] {
            const auto name = string();
            if (auto value = variant()) {
                properties.emplace(name, std::move(*value));
            }
        });
        return properties;
    }

  private:
    bool enter(char type, const char* contents) {
        ok_ = ok_ && sd_bus_message_enter_container(message_, type, contents) > 0;
        return ok_;
    }

    void leave() { ok_ = ok_ && sd_bus_message_exit_container(message_) >= 0; }

    std::optional<PropertyValue> known_value(std::string_view contents) {
        if (contents == "s") {
            return string();
        }
        if (contents == "t") {
            return basic<std::uint64_t>('t');
        }
        if (contents == "u") {
            return std::uint64_t{basic<std::uint32_t>('u')};
        }
        if (contents == "i") {
            return std::int64_t{basic<std::int32_t>('i')};
        }
        if (contents == "a{st}") {
            Counts counts;
            dictionary("st", [&] {
                const auto name = string();
                counts[name] = basic<std::uint64_t>('t');
            });
            return counts;
        }
        return std::nullopt;
    }

    sd_bus_message* message_;
    bool ok_ = true;
};

}  // namespace

base::Error malformed_reply() {
    return {base::ErrorCode::kInternal, "the agent's answer is not of the documented form",
            "see that ecryptfsctl and ecryptfs-agent are of the same version"};
}

base::Result<Properties> read_properties(sd_bus_message* message) {
    MessageReader reader(message);
    auto properties = reader.properties();
    if (!reader.ok()) {
        return std::unexpected(malformed_reply());
    }
    return properties;
}

base::Result<std::vector<BusObject>> read_managed_objects(sd_bus_message* message) {
    MessageReader reader(message);
    std::vector<BusObject> objects;
    reader.dictionary("oa{sa{sv}}", [&] {
        BusObject object{.path = reader.string('o'), .interfaces = {}};
        reader.dictionary("sa{sv}", [&] {
            const auto interface = reader.string();
            object.interfaces[interface] = reader.properties();
        });
        objects.push_back(std::move(object));
    });
    if (!reader.ok()) {
        return std::unexpected(malformed_reply());
    }
    return objects;
}

}  // namespace ecryptfs::cli
