// SPDX-License-Identifier: Apache-2.0

#include "cli/files/access_list.h"

#include <cstdint>

namespace ecryptfs::cli {
namespace {

constexpr std::size_t kVersionSize = 4;
constexpr std::size_t kEntrySize = 8;  // tag and rights of 16 bits, an id of 32; little-endian
constexpr unsigned kVersion = 2;
constexpr unsigned kNamedUser = 0x02;
constexpr unsigned kOwningGroup = 0x04;
constexpr unsigned kNamedGroup = 0x08;
constexpr unsigned kMask = 0x10;
constexpr unsigned kAllRights = 7;

unsigned read_number(base::ByteView list, std::size_t at) {
    return list[at] + (unsigned{list[at + 1]} << 8U);
}

struct Rights {
    unsigned group = 0;
    unsigned named = kAllRights;  // of all of them
};

// As far as the mask lets them; none if the list cannot be read.
Rights read_rights(base::ByteView list) {
    if (list.size() < kVersionSize || (list.size() - kVersionSize) % kEntrySize != 0 ||
        read_number(list, 0) != kVersion || read_number(list, 2) != 0) {
        return {0, 0};
    }
    Rights rights;
    unsigned mask = kAllRights;
    bool any_named = false;
    for (std::size_t at = kVersionSize; at < list.size(); at += kEntrySize) {
        const auto tag = read_number(list, at);
        const auto given = read_number(list, at + 2);
        const bool is_named = tag == kNamedUser || tag == kNamedGroup;
        any_named = any_named || is_named;
        rights.named &= is_named ? given : kAllRights;
        rights.group = tag == kOwningGroup ? given : rights.group;
        mask = tag == kMask ? given : mask;
    }
    rights.group &= mask & kAllRights;
    rights.named &= any_named ? mask : kAllRights;
    return rights;
}

}  // namespace

mode_t group_rights(base::ByteView list) {
    return read_rights(list).group << 3U;
}

mode_t named_rights(base::ByteView list) {
    return read_rights(list).named;
}

}  // namespace ecryptfs::cli
