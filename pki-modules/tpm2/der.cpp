// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/der.h"

namespace ecryptfs::tpm2_module {
namespace {

struct Length {
    std::size_t value;
    std::size_t bytes;  // that the length itself takes
};

// X.690, 8.1.3: a length below 128 has one byte. Else the low bits of the first byte say how many
// follow. Two are enough for key files.
std::optional<Length> read_length(base::ByteView bytes) {
    if (bytes.empty()) {
        return std::nullopt;
    }
    if (bytes[0] < 0x80) {
        return Length{bytes[0], 1};
    }
    const std::size_t count = bytes[0] & 0x7fU;
    if (count == 0 || count > 2 || bytes.size() < 1 + count) {
        return std::nullopt;
    }
    std::size_t value = 0;
    for (const std::uint8_t byte : bytes.subspan(1, count)) {
        value = value << 8 | byte;
    }
    return Length{value, 1 + count};
}

}  // namespace

std::optional<base::ByteView> DerReader::take(std::uint8_t tag) {
    if (!has_next(tag)) {
        return std::nullopt;
    }
    const auto length = read_length(left_.subspan(1));
    if (!length || left_.size() - 1 - length->bytes < length->value) {
        return std::nullopt;
    }
    const auto contents = left_.subspan(1 + length->bytes, length->value);
    left_ = left_.subspan(1 + length->bytes + length->value);
    return contents;
}

std::optional<std::uint32_t> DerReader::take_uint32() {
    const auto before = left_;
    const auto number = take(kDerInteger);
    if (!number || number->empty()) {
        left_ = before;
        return std::nullopt;
    }
    // X.690, 8.3: the first bit is the sign.
    std::int64_t value = number->front() >= 0x80 ? -1 : 0;
    for (const std::uint8_t byte : *number) {
        value = value * 256 + byte;
        if (value > UINT32_MAX || value < INT32_MIN) {
            left_ = before;
            return std::nullopt;
        }
    }
    return static_cast<std::uint32_t>(value);
}

void append(Bytes& to, base::ByteView more) {
    to.insert(to.end(), more.begin(), more.end());
}

Bytes der(std::uint8_t tag, base::ByteView contents) {
    Bytes element{tag};
    const std::size_t size = contents.size();
    if (size >= 0x100) {
        append(element, std::to_array<std::uint8_t>({0x82, static_cast<std::uint8_t>(size >> 8)}));
    } else if (size >= 0x80) {
        element.push_back(0x81);
    }
    element.push_back(static_cast<std::uint8_t>(size));
    append(element, contents);
    return element;
}

Bytes der_uint32(std::uint32_t value) {
    Bytes number;
    for (int shift = 24; shift >= 0; shift -= 8) {
        const auto byte = static_cast<std::uint8_t>(value >> shift);
        if (number.empty() && byte == 0 && shift != 0) {
            continue;
        }
        if (number.empty() && byte >= 0x80) {
            number.push_back(0);
        }
        number.push_back(byte);
    }
    return der(kDerInteger, number);
}

}  // namespace ecryptfs::tpm2_module
