// SPDX-License-Identifier: Apache-2.0
//
// One list of a message's fields for both directions. A protocol writes, once for each message,
//     template <typename Fields> void pass_fields(Fields& fields, Message& message)
// which passes each field through a FieldReader, which fills the message from a packet, or a
// FieldWriter, which makes a packet of the message. Pure: no I/O.
//
// Both are sticky: after the first failure each field that is read is empty, nothing more is
// written, and ok() stays false. Check once, at the end.

#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

class FieldReader {
  public:
    static constexpr bool kWrites = false;

    explicit FieldReader(ByteView packet) : reader_(packet) {}

    bool ok() const { return problem_.empty(); }
    // Of the first failure; empty without one.
    std::string_view problem() const { return problem_; }

    // A static text: what the message must not be.
    void fail(std::string_view problem) {
        if (ok()) {
            problem_ = problem;
        }
    }

    // In the machine's own byte order.
    template <std::integral Number>
    void pass_native(Number& value) {
        fill(value, ok() ? reader_.take_native<Number>() : std::nullopt);
    }

    template <std::unsigned_integral Number>
    void pass_big_endian(Number& value) {
        fill(value, ok() ? reader_.take_big_endian<Number>() : std::nullopt);
    }

    // Views into the packet.
    void pass_bytes(ByteView& bytes, std::size_t size) {
        fill(bytes, ok() ? reader_.take(size) : std::nullopt);
    }
    void pass_rest(ByteView& bytes) { pass_bytes(bytes, reader_.left().size()); }

    void expect_end() {
        if (!reader_.empty()) {
            fail("too long");
        }
    }

  private:
    template <typename Value>
    void fill(Value& value, std::optional<Value> taken) {
        if (!taken) {
            fail("too short");
        }
        value = taken.value_or(Value{});
    }

    ByteReader reader_;
    std::string_view problem_;
};

class FieldWriter {
  public:
    static constexpr bool kWrites = true;

    // Borrows the buffer, which a packet need not fill.
    explicit FieldWriter(ByteSpan buffer) : writer_(buffer) {}

    bool ok() const { return problem_.empty(); }
    std::string_view problem() const { return problem_; }
    ByteSpan written() const { return writer_.written(); }

    void fail(std::string_view problem) {
        if (ok()) {
            problem_ = problem;
        }
    }

    template <std::integral Number>
    void pass_native(const Number& value) {
        writer_.put_native(value);
        check_room();
    }

    template <std::unsigned_integral Number>
    void pass_big_endian(const Number& value) {
        writer_.put_big_endian(value);
        check_room();
    }

    // `size` is the size of the bytes.
    void pass_bytes(const ByteView& bytes, [[maybe_unused]] std::size_t size) {
        writer_.put(bytes);
        check_room();
    }
    void pass_rest(const ByteView& bytes) { pass_bytes(bytes, bytes.size()); }

    void expect_end() {}

  private:
    void check_room() {
        if (!writer_.ok()) {
            fail("too long");
        }
    }

    ByteWriter writer_;
    std::string_view problem_;
};

}  // namespace ecryptfs::base
