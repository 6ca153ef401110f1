// SPDX-License-Identifier: Apache-2.0

#include "lib/keyring/key_list.h"

#include <fmt/format.h>
#include <keyutils.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <span>

#include "lib/base/handle.h"
#include "lib/base/number.h"
#include "lib/base/verb_advice.h"

namespace ecryptfs::keyring {

using base::ErrorCode;

base::Error keyring_error(std::string_view what, int error_number) {
    if (error_number == EDQUOT) {
        return {ErrorCode::kQuotaExceeded,
                fmt::format("{}: the kernel's quota of keys for this user is used up", what),
                base::key_quota_advice()};
    }
    return base::system_error(
        what, error_number,
        error_number == ENOSYS ? "use a kernel with key management (CONFIG_KEYS)" : "");
}

base::Result<std::vector<KeySerial>> keys_in_keyring(KeySerial keyring) {
    void* list = nullptr;
    const long size = ::keyctl_read_alloc(keyring.value, &list);
    if (size < 0) {
        return std::unexpected(keyring_error("reading the keyring", errno));
    }
    const base::Handle<void, ::free> owned(list);
    const std::span serials(static_cast<const key_serial_t*>(list),
                            static_cast<std::size_t>(size) / sizeof(key_serial_t));
    std::vector<KeySerial> keys;
    std::ranges::transform(serials, std::back_inserter(keys),
                           [](key_serial_t serial) { return KeySerial{serial}; });
    return keys;
}

std::expected<DescribedKey, int> describe_key(KeySerial key) {
    char* text = nullptr;
    if (::keyctl_describe_alloc(key.value, &text) < 0) {
        return std::unexpected(errno);
    }
    const base::Handle<char, ::free> owned(text);
    // "type;uid;gid;perm;description"; a description may have semicolons.
    std::string_view left(text);
    std::array<std::string_view, 4> fields;
    for (auto& field : fields) {
        const auto end = std::min(left.find(';'), left.size());
        field = left.substr(0, end);
        left.remove_prefix(std::min(end + 1, left.size()));
    }
    const auto owner = base::parse_number<uid_t>(fields[1]);
    const auto permissions = base::parse_number<std::uint32_t>(fields[3], 16);
    if (!owner || !permissions) {
        return std::unexpected(EIO);
    }
    return DescribedKey{std::string(fields[0]), *owner, *permissions, std::string(left)};
}

}  // namespace ecryptfs::keyring
