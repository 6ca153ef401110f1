// SPDX-License-Identifier: Apache-2.0

#include "cli/access_list.h"

#include <cstdint>

namespace ecryptfs::cli {
namespace {

constexpr std::size_t kVersionSize = 4;
constexpr std::size_t kEntrySize = 8;  // tag and rights of 16 bits, an id of 32; little-endian
constexpr unsigned kVersion = 2;
constexpr unsigned kOwningGroup = 0x04;
constexpr unsigned kMask = 0x10;
constexpr unsigned kAllRights = 7;

unsigned number_at(base::ByteView list, std::size_t at) {
    return list[at] + (unsigned{list[at + 1]} << 8U);
}

}  // namespace

mode_t group_rights(base::ByteView list) {
    if (list.size() < kVersionSize || (list.size() - kVersionSize) % kEntrySize != 0 ||
        number_at(list, 0) != kVersion || number_at(list, 2) != 0) {
        return 0;
    }
    unsigned group = 0;
    unsigned mask = kAllRights;
    for (std::size_t at = kVersionSize; at < list.size(); at += kEntrySize) {
        const auto tag = number_at(list, at);
        const auto rights = number_at(list, at + 2);
        group = tag == kOwningGroup ? rights : group;
        mask = tag == kMask ? rights : mask;
    }
    return (group & mask & kAllRights) << 3U;
}

}  // namespace ecryptfs::cli
