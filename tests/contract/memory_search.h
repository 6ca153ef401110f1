// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"

namespace ecryptfs::contract {

// Bytes to look for in this process's memory. Kept masked, so that the search does not find itself.
class Needle {
  public:
    Needle(std::string_view name, base::ByteView bytes);
    static Needle from_masked(std::string_view name, base::ByteView masked);

    const std::string& name() const { return name_; }
    std::size_t size() const { return masked_.size(); }
    std::uint8_t first() const { return mask(masked_.front()); }
    bool is_at(const std::uint8_t* memory) const;
    Needle reversed() const;
    void unmask_to(std::uint8_t* memory) const;

    static std::uint8_t mask(std::uint8_t byte) { return static_cast<std::uint8_t>(byte ^ 0x5aU); }

  private:
    Needle() = default;

    std::string name_;
    std::vector<std::uint8_t> masked_;
};

struct Hit {
    std::string name;     // of the needle
    std::string mapping;  // its line in /proc/self/smaps
    bool locked = false;  // in RAM
    bool dumped = true;   // in core dumps
};
std::ostream& operator<<(std::ostream& out, const Hit& hit);

// Every place in writable memory where one of the needles is. No other thread may be running.
std::vector<Hit> find_in_memory(const std::vector<Needle>& needles);

}  // namespace ecryptfs::contract
