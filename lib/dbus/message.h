// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing the values of a D-Bus message, in order. Both are sticky: once something was
// not as expected, ok() is false and stays so, what is read is empty, and nothing more is written.
// Both borrow the message.

#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"

struct sd_bus_message;

namespace ecryptfs::dbus {

template <typename T>
concept BusNumber = std::same_as<T, std::int32_t> || std::same_as<T, std::uint32_t> ||
                    std::same_as<T, std::uint64_t>;

template <BusNumber Number>
constexpr char number_type() {
    return std::same_as<Number, std::int32_t>    ? 'i'
           : std::same_as<Number, std::uint32_t> ? 'u'
                                                 : 't';
}

class MessageReader {
  public:
    explicit MessageReader(sd_bus_message* message) : message_(message) {}

    bool ok() const { return missing_.empty(); }
    // The type of the first value that was not there; empty: all were.
    std::string_view missing() const { return missing_; }

    std::string read_text();
    std::string read_path();

    template <BusNumber Number>
    Number read_number() {
        Number value{};
        return read_basic(number_type<Number>(), &value) ? value : Number{};
    }

    // Belongs to the message. -1 if there is none.
    int read_descriptor();

    // A view into the message.
    base::ByteView read_bytes();

    // Calls `read_entry` at each entry of a dictionary, whose contents are for example "sv".
    void read_dictionary(const char* entry_contents, const std::function<void()>& read_entry);

    // Calls `read_record` at each element of an array of structures of these fields.
    void read_list(const char* fields, const std::function<void()>& read_record);

    // Calls `read_value` with the type of what a variant holds; what it returns false for is
    // skipped.
    void read_variant(const std::function<bool(std::string_view type)>& read_value);

  private:
    bool read_basic(char type, void* value);
    std::string read_string(char type);
    bool enter(char type, const char* contents);
    void leave();
    void fail(std::string_view type);

    sd_bus_message* message_;
    std::string missing_;
};

class MessageWriter {
  public:
    explicit MessageWriter(sd_bus_message* message) : message_(message) {}

    // 0, or a negative errno: of the first value that could not be written.
    int result() const { return result_; }

    void write_text(std::string_view text);
    void write_path(const std::string& path);
    template <BusNumber Number>
    void write_number(Number value) {
        write_basic(number_type<Number>(), &value);
    }
    // Of which the message keeps a duplicate.
    void write_descriptor(int fd);
    void write_bytes(base::ByteView bytes);

    // Calls `write_entries`, which calls write_entry() for each entry of a dictionary.
    void write_dictionary(const char* entry_contents, const std::function<void()>& write_entries);
    void write_entry(const char* entry_contents, const std::function<void()>& write_values);

    // Calls `write_records`, which calls write_record() for each element of an array of structures
    // of these fields.
    void write_list(const char* fields, const std::function<void()>& write_records);
    void write_record(const char* fields, const std::function<void()>& write_values);

  private:
    void write_basic(char type, const void* value);
    void write_container(char type, const char* contents, const std::function<void()>& write);
    void keep(int result);

    sd_bus_message* message_;
    int result_ = 0;
};

}  // namespace ecryptfs::dbus
