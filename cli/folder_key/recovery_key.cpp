// SPDX-License-Identifier: Apache-2.0

#include "cli/folder_key/recovery_key.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Result;
using base::SecretBytes;

constexpr std::string_view kLetters = "cbdefghijklnrtuv";
constexpr std::size_t kBytes = 16;
constexpr std::size_t kGroup = 4;
constexpr std::size_t kTextSize = 2 * kBytes + 2 * kBytes / kGroup - 1;

// Puts a hyphen between the groups.
class GroupWriter {
  public:
    explicit GroupWriter(base::ByteSpan room) : writer_(room) {}

    void put(char letter) {
        if (count_ > 0 && count_ % kGroup == 0) {
            writer_.put_byte('-');
        }
        writer_.put_byte(static_cast<std::uint8_t>(letter));
        ++count_;
    }
    std::size_t count() const { return count_; }

  private:
    base::ByteWriter writer_;
    std::size_t count_ = 0;
};

char lower_case(std::uint8_t letter) {
    return static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter + ('a' - 'A') : letter);
}

}  // namespace

Result<SecretBytes> generate_recovery_key() {
    auto bytes = TRY(SecretBytes::create(kBytes));
    auto text = TRY(SecretBytes::create(kTextSize));
    if (::getrandom(bytes.span().data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        return std::unexpected(base::system_error(base::ErrorCode::kInternal, "getrandom", errno));
    }
    GroupWriter writer(text.span());
    for (const auto byte : bytes.view()) {
        writer.put(kLetters[byte >> 4U]);
        writer.put(kLetters[byte & 15U]);
    }
    return text;
}

Result<SecretBytes> canonical_recovery_key(base::ByteView typed) {
    auto text = TRY(SecretBytes::create(kTextSize));
    GroupWriter writer(text.span());
    for (const auto each : typed) {
        const char letter = lower_case(each);
        if (letter == ' ' || letter == '-') {
            continue;
        }
        if (kLetters.find(letter) == std::string_view::npos || writer.count() == 2 * kBytes) {
            return SecretBytes();
        }
        writer.put(letter);
    }
    return writer.count() == 2 * kBytes ? Result<SecretBytes>(std::move(text)) : SecretBytes();
}

}  // namespace ecryptfs::cli
