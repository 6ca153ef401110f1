// SPDX-License-Identifier: Apache-2.0

#include "lib/dbus/message.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <algorithm>

namespace ecryptfs::dbus {

// --- Reading -----------------------------------------------------------------------------------

std::string MessageReader::read_text() {
    return read_string(SD_BUS_TYPE_STRING);
}

std::string MessageReader::read_path() {
    return read_string(SD_BUS_TYPE_OBJECT_PATH);
}

int MessageReader::read_descriptor() {
    int fd = -1;
    return read_basic(SD_BUS_TYPE_UNIX_FD, &fd) ? fd : -1;
}

base::ByteView MessageReader::read_bytes() {
    const void* bytes = nullptr;
    std::size_t size = 0;
    if (!ok() || ::sd_bus_message_read_array(message_, SD_BUS_TYPE_BYTE, &bytes, &size) <= 0) {
        fail("ay");
        return {};
    }
    return {static_cast<const std::uint8_t*>(bytes), size};
}

void MessageReader::read_dictionary(const char* entry_contents,
                                    const std::function<void()>& read_entry) {
    const auto array_contents = fmt::format("{{{}}}", entry_contents);
    if (!enter(SD_BUS_TYPE_ARRAY, array_contents.c_str())) {
        return;
    }
    while (ok() && ::sd_bus_message_at_end(message_, 0) == 0 &&
           enter(SD_BUS_TYPE_DICT_ENTRY, entry_contents)) {
        read_entry();
        leave();
    }
    leave();
}

void MessageReader::read_list(const char* fields, const std::function<void()>& read_record) {
    const auto array_contents = fmt::format("({})", fields);
    if (!enter(SD_BUS_TYPE_ARRAY, array_contents.c_str())) {
        return;
    }
    while (ok() && ::sd_bus_message_at_end(message_, 0) == 0 && enter(SD_BUS_TYPE_STRUCT, fields)) {
        read_record();
        leave();
    }
    leave();
}

void MessageReader::read_variant(const std::function<bool(std::string_view type)>& read_value) {
    const char* contents = nullptr;
    char type = 0;
    if (!ok() || ::sd_bus_message_peek_type(message_, &type, &contents) <= 0 ||
        type != SD_BUS_TYPE_VARIANT) {
        fail("v");
        return;
    }
    if (!enter(SD_BUS_TYPE_VARIANT, contents)) {
        return;
    }
    if (!read_value(contents) && ok() && ::sd_bus_message_skip(message_, nullptr) < 0) {
        fail(contents);
    }
    leave();
}

bool MessageReader::read_basic(char type, void* value) {
    if (!ok() || ::sd_bus_message_read_basic(message_, type, value) <= 0) {
        fail({&type, 1});
    }
    return ok();
}

std::string MessageReader::read_string(char type) {
    const char* text = nullptr;
    return read_basic(type, static_cast<void*>(&text)) && text != nullptr ? std::string(text)
                                                                          : std::string();
}

bool MessageReader::enter(char type, const char* contents) {
    if (!ok() || ::sd_bus_message_enter_container(message_, type, contents) <= 0) {
        fail({&type, 1});
    }
    return ok();
}

void MessageReader::leave() {
    if (ok() && ::sd_bus_message_exit_container(message_) < 0) {
        fail("end of a container");
    }
}

void MessageReader::fail(std::string_view type) {
    if (ok()) {
        missing_ = type;
    }
}

// --- Writing -----------------------------------------------------------------------------------

void MessageWriter::write_text(std::string_view text) {
    write_basic(SD_BUS_TYPE_STRING, std::string(text).c_str());
}

void MessageWriter::write_path(const std::string& path) {
    write_basic(SD_BUS_TYPE_OBJECT_PATH, path.c_str());
}

void MessageWriter::write_descriptor(int fd) {
    write_basic(SD_BUS_TYPE_UNIX_FD, &fd);
}

void MessageWriter::write_bytes(base::ByteView bytes) {
    if (result_ >= 0) {
        keep(::sd_bus_message_append_array(message_, SD_BUS_TYPE_BYTE, bytes.data(), bytes.size()));
    }
}

void MessageWriter::write_dictionary(const char* entry_contents,
                                     const std::function<void()>& write_entries) {
    const auto array_contents = fmt::format("{{{}}}", entry_contents);
    write_container(SD_BUS_TYPE_ARRAY, array_contents.c_str(), write_entries);
}

void MessageWriter::write_entry(const char* entry_contents,
                                const std::function<void()>& write_values) {
    write_container(SD_BUS_TYPE_DICT_ENTRY, entry_contents, write_values);
}

void MessageWriter::write_list(const char* fields, const std::function<void()>& write_records) {
    const auto array_contents = fmt::format("({})", fields);
    write_container(SD_BUS_TYPE_ARRAY, array_contents.c_str(), write_records);
}

void MessageWriter::write_record(const char* fields, const std::function<void()>& write_values) {
    write_container(SD_BUS_TYPE_STRUCT, fields, write_values);
}

void MessageWriter::write_basic(char type, const void* value) {
    if (result_ >= 0) {
        keep(::sd_bus_message_append_basic(message_, type, value));
    }
}

void MessageWriter::write_container(char type, const char* contents,
                                    const std::function<void()>& write) {
    if (result_ < 0) {
        return;
    }
    keep(::sd_bus_message_open_container(message_, type, contents));
    if (result_ < 0) {
        return;
    }
    write();
    if (result_ >= 0) {
        keep(::sd_bus_message_close_container(message_));
    }
}

void MessageWriter::keep(int result) {
    result_ = std::min(result, 0);
}

}  // namespace ecryptfs::dbus
