// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::wire {

// Takes the fields of a packet that somebody else's program wrote, one after the other. Each call
// gives its own failure, unlike base::FieldReader: it names the packet, what is wrong with it, and
// the byte (from the packet's first) at which the field begins. Borrows the bytes and both names.
class PacketReader {
  public:
    PacketReader(std::string_view packet, base::ErrorCode code, base::ByteView bytes)
        : packet_(packet), code_(code), reader_(bytes) {}

    std::size_t position() const { return reader_.position(); }
    base::ByteView left() const { return reader_.left(); }
    bool empty() const { return reader_.empty(); }

    base::Result<base::ByteView> take(std::string_view field, std::size_t size) {
        return found(reader_.take(size), field, size);
    }

    template <typename T>
    base::Result<T> take_native(std::string_view field) {
        return found(reader_.take_native<T>(), field, sizeof(T));
    }

    template <typename T>
    base::Result<T> take_big_endian(std::string_view field) {
        return found(reader_.take_big_endian<T>(), field, sizeof(T));
    }

    template <typename T>
    base::Result<T> take_little_endian(std::string_view field) {
        return found(reader_.take_little_endian<T>(), field, sizeof(T));
    }

    // A packet length (packet_length.h).
    base::Result<std::size_t> take_length();

    // A packet length, from `smallest` to `largest`, and as many bytes.
    base::Result<base::ByteView> take_counted(std::string_view field, std::size_t smallest,
                                              std::size_t largest);

    // Fails if there are bytes left.
    base::Result<void> expect_end() const;

    // "PACKET: PROBLEM (byte AT)"
    std::unexpected<base::Error> fail(std::string_view problem, std::size_t at) const;

  private:
    template <typename T>
    base::Result<T> found(std::optional<T> value, std::string_view field, std::size_t size) const {
        if (!value) {
            return too_short(field, size);
        }
        return *value;
    }
    std::unexpected<base::Error> too_short(std::string_view field, std::size_t size) const;

    std::string_view packet_;
    base::ErrorCode code_;
    base::ByteReader reader_;
};

}  // namespace ecryptfs::wire
