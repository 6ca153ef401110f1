// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/packet_reader.h"

#include <fmt/format.h>

#include "lib/base/try.h"
#include "lib/wire/packet_length.h"

namespace ecryptfs::wire {

base::Result<std::size_t> PacketReader::take_length() {
    auto length = take_packet_length(reader_);
    if (!length) {
        return std::unexpected(
            base::Error{code_, fmt::format("{}: {}", packet_, length.error().message)});
    }
    return length;
}

base::Result<base::ByteView> PacketReader::take_counted(std::string_view field,
                                                        std::size_t smallest, std::size_t largest) {
    const std::size_t at = position();
    const auto length = TRY(take_length());
    if (length < smallest || length > largest) {
        const auto expected = smallest == largest ? fmt::format("{}", smallest)
                                                  : fmt::format("{} to {}", smallest, largest);
        return fail(fmt::format("{} of {} bytes, where {} are expected", field, length, expected),
                    at);
    }
    const auto bytes = reader_.take(length);
    if (!bytes) {
        return fail(fmt::format("length field says {} bytes, {} follow", length, left().size()),
                    at);
    }
    return *bytes;
}

base::Result<void> PacketReader::expect_end() const {
    if (!empty()) {
        return fail(fmt::format("{} bytes too many", left().size()), position());
    }
    return {};
}

std::unexpected<base::Error> PacketReader::fail(std::string_view problem, std::size_t at) const {
    return std::unexpected(
        base::Error{code_, fmt::format("{}: {} (byte {})", packet_, problem, at)});
}

std::unexpected<base::Error> PacketReader::too_short(std::string_view field,
                                                     std::size_t size) const {
    return fail(fmt::format("{} needs {} bytes, {} are left", field, size, left().size()),
                position());
}

}  // namespace ecryptfs::wire
