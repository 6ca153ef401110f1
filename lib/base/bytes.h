// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing of packed bytes, bounds-checked. Pure: no I/O, no allocation.

#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace ecryptfs::base {

using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Takes values off the front of a view. Each call gives nothing, and takes nothing, when too few
// bytes are left.
class ByteReader {
  public:
    explicit ByteReader(ByteView bytes) : bytes_(bytes), left_(bytes) {}

    std::size_t position() const { return bytes_.size() - left_.size(); }
    ByteView left() const { return left_; }
    bool empty() const { return left_.empty(); }

    std::optional<ByteView> take(std::size_t size) {
        if (left_.size() < size) {
            return std::nullopt;
        }
        const ByteView taken = left_.first(size);
        left_ = left_.subspan(size);
        return taken;
    }

    // Integer in the machine's own byte order.
    template <typename T>
    std::optional<T> take_native() {
        static_assert(std::is_integral_v<T>);
        const auto taken = take(sizeof(T));
        if (!taken) {
            return std::nullopt;
        }
        T value;
        std::memcpy(&value, taken->data(), sizeof(T));
        return value;
    }

    template <typename T>
    std::optional<T> take_big_endian() {
        return take_ordered<T>([](std::size_t i) { return 8 * (sizeof(T) - 1 - i); });
    }

    template <typename T>
    std::optional<T> take_little_endian() {
        return take_ordered<T>([](std::size_t i) { return 8 * i; });
    }

  private:
    template <typename T, typename Shift>
    std::optional<T> take_ordered(Shift shift) {
        static_assert(std::is_unsigned_v<T>);
        const auto taken = take(sizeof(T));
        if (!taken) {
            return std::nullopt;
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            value |= std::uint64_t{(*taken)[i]} << shift(i);
        }
        return static_cast<T>(value);
    }

    ByteView bytes_;
    ByteView left_;
};

// Appends to a caller's buffer. Once something did not fit, `ok()` is false and stays so, and
// nothing more is written: check once, at the end.
class ByteWriter {
  public:
    explicit ByteWriter(ByteSpan buffer) : buffer_(buffer) {}

    bool ok() const { return ok_; }
    std::size_t size() const { return size_; }
    ByteSpan written() const { return buffer_.first(size_); }

    // For what builds on this: a value that cannot be written at all.
    void fail() { ok_ = false; }

    void put(ByteView bytes) {
        if (!ok_ || buffer_.size() - size_ < bytes.size()) {
            ok_ = false;
            return;
        }
        if (!bytes.empty()) {
            std::memcpy(buffer_.data() + size_, bytes.data(), bytes.size());
        }
        size_ += bytes.size();
    }

    void put_byte(std::uint8_t value) { put({&value, 1}); }

    void put_zeros(std::size_t count) {
        for (std::size_t i = 0; i < count && ok_; ++i) {
            put_byte(0);
        }
    }

    template <typename T>
    void put_native(T value) {
        static_assert(std::is_integral_v<T>);
        put({reinterpret_cast<const std::uint8_t*>(&value), sizeof(T)});
    }

    template <typename T>
    void put_big_endian(T value) {
        static_assert(std::is_unsigned_v<T>);
        for (std::size_t i = sizeof(T); i > 0; --i) {
            put_byte(static_cast<std::uint8_t>(std::uint64_t{value} >> (8 * (i - 1))));
        }
    }

  private:
    ByteSpan buffer_;
    std::size_t size_ = 0;
    bool ok_ = true;
};

}  // namespace ecryptfs::base
