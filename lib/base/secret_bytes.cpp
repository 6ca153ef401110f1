// SPDX-License-Identifier: Apache-2.0

#include "lib/base/secret_bytes.h"

#include <cstring>

#include "lib/base/locked_pool.h"
#include "lib/base/try.h"

namespace ecryptfs::base {

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
        clear();
        memory_ = std::exchange(other.memory_, {});
    }
    return *this;
}

Result<SecretBytes> SecretBytes::create(std::size_t size) {
    if (size == 0) {
        return SecretBytes{};
    }
    const auto memory = TRY(LockedPool::instance().allocate(size));
    return SecretBytes{memory};
}

Result<SecretBytes> SecretBytes::copy(ByteView bytes) {
    auto copy = create(bytes.size());
    if (copy && !bytes.empty()) {
        std::memcpy(copy->memory_.data(), bytes.data(), bytes.size());
    }
    return copy;
}

void SecretBytes::clear() noexcept {
    if (!memory_.empty()) {
        LockedPool::instance().release(std::exchange(memory_, {}));
    }
}

bool equal_in_constant_time(ByteView left, ByteView right) {
    if (left.size() != right.size()) {
        return false;
    }
    volatile std::uint8_t difference = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
        difference = static_cast<std::uint8_t>(difference | (left[i] ^ right[i]));
    }
    return difference == 0;
}

}  // namespace ecryptfs::base
