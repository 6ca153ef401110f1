// SPDX-License-Identifier: Apache-2.0

#include "tests/contract/memory_search.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

namespace ecryptfs::contract {
namespace {

struct Mapping {
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;
    std::string line;
    bool writable = false;
    bool locked = false;
    bool dumped = true;
};

// proc_pid_smaps(5): a line with addresses and permissions, then lines "Name: value".
std::vector<Mapping> mappings() {
    std::vector<Mapping> all;
    std::ifstream smaps("/proc/self/smaps");
    for (std::string line; std::getline(smaps, line);) {
        std::istringstream words(line);
        std::string first;
        words >> first;
        if (first == "VmFlags:") {
            for (std::string flag; words >> flag;) {
                all.back().locked |= flag == "lo";
                all.back().dumped &= flag != "dd";
            }
        } else if (const auto dash = first.find('-'); dash != std::string::npos) {
            std::string permissions;
            words >> permissions;
            all.push_back({std::stoull(first, nullptr, 16),
                           std::stoull(first.substr(dash + 1), nullptr, 16), line,
                           permissions.starts_with("rw")});
        }
    }
    return all;
}

void search(const Mapping& mapping, const Needle& needle, std::vector<Hit>& hits) {
    // Memory of this process, by number: there is no object to point at.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    const auto* at = reinterpret_cast<const std::uint8_t*>(mapping.start);
    const auto* end = at + (mapping.end - mapping.start) - (needle.size() - 1);
    while (at < end) {
        at = static_cast<const std::uint8_t*>(
            std::memchr(at, needle.first(), static_cast<std::size_t>(end - at)));
        if (at == nullptr) {
            return;
        }
        if (needle.is_at(at)) {
            hits.push_back({needle.name(), mapping.line, mapping.locked, mapping.dumped});
        }
        ++at;
    }
}

}  // namespace

Needle::Needle(std::string_view name, base::ByteView bytes) : name_(name), masked_(bytes.size()) {
    std::ranges::transform(bytes, masked_.begin(), mask);
}

Needle Needle::from_masked(std::string_view name, base::ByteView masked) {
    Needle needle;
    needle.name_ = name;
    needle.masked_.assign(masked.begin(), masked.end());
    return needle;
}

void Needle::unmask_to(std::uint8_t* memory) const {
    std::ranges::transform(masked_, memory, mask);
}

bool Needle::is_at(const std::uint8_t* memory) const {
    for (const std::uint8_t byte : masked_) {
        if (mask(*memory) != byte) {
            return false;
        }
        ++memory;
    }
    return true;
}

Needle Needle::reversed() const {
    Needle reversed = *this;
    reversed.name_ += ", reversed";
    std::ranges::reverse(reversed.masked_);
    return reversed;
}

std::ostream& operator<<(std::ostream& out, const Hit& hit) {
    return out << hit.name << " in " << hit.mapping << (hit.locked ? ", locked" : ", not locked")
               << (hit.dumped ? ", dumped" : ", not dumped");
}

std::vector<Hit> find_in_memory(const std::vector<Needle>& needles) {
    std::vector<Hit> hits;
    for (const Mapping& mapping : mappings()) {
        if (mapping.writable) {
            std::ranges::for_each(needles,
                                  [&](const Needle& needle) { search(mapping, needle, hits); });
        }
    }
    return hits;
}

}  // namespace ecryptfs::contract
