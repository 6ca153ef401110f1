// SPDX-License-Identifier: Apache-2.0

#include "lib/base/secret_slip.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/shell_word.h"

namespace ecryptfs::base {
namespace {

using namespace std::string_view_literals;

struct Beginning {
    std::string_view bytes;
    SecretSlip slip;
};

// Longer ones first: UTF-32 begins as UTF-16 does.
constexpr auto kBeginnings = std::to_array<Beginning>({
    {"\xff\xfe\0\0"sv, {"is in UTF-32", "iconv -f UTF-32 -t UTF-8", true}},
    {"\0\0\xfe\xff"sv, {"is in UTF-32", "iconv -f UTF-32 -t UTF-8", true}},
    {"\xff\xfe"sv, {"is in UTF-16", "iconv -f UTF-16 -t UTF-8", true}},
    {"\xfe\xff"sv, {"is in UTF-16", "iconv -f UTF-16 -t UTF-8", true}},
    {"\xef\xbb\xbf"sv, {"begins with a byte-order mark", "tail -c +4", false}},
    {"passphrase_passwd="sv,
     {"begins with \"passphrase_passwd=\"", "sed 's/^passphrase_passwd=//'", false}},
    {"openssl_passwd="sv, {"begins with \"openssl_passwd=\"", "sed 's/^openssl_passwd=//'", false}},
    {"passwd="sv, {"begins with \"passwd=\"", "sed 's/^passwd=//'", false}},
});

constexpr SecretSlip kLittleEndian{"is in UTF-16", "iconv -f UTF-16LE -t UTF-8", true};
constexpr SecretSlip kBigEndian{"is in UTF-16", "iconv -f UTF-16BE -t UTF-8", true};
constexpr SecretSlip kNul{"holds a NUL byte", "tr -d '\\000'", true};
constexpr SecretSlip kCarriageReturn{"holds a carriage return", "tr '\\r' '\\n'", false};
constexpr SecretSlip kControl{"holds a control character", "", false};
constexpr SecretSlip kBlank{"begins or ends with a blank",
                            "sed 's/^[[:blank:]]*//; s/[[:blank:]]*$//'", false};

bool is_control(std::uint8_t byte) {
    return byte < 0x20 || byte == 0x7f;
}

bool is_blank(std::uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

// Text of a western language has two bytes a character, one of them zero.
std::optional<SecretSlip> utf16_without_mark(ByteView line) {
    constexpr std::size_t kTwoCharacters = 4;
    if (line.size() + 1 < kTwoCharacters) {
        return std::nullopt;
    }
    const auto has_zeros = [&](std::size_t remainder) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            if ((line[i] == 0) != (i % 2 == remainder)) {
                return false;
            }
        }
        return true;
    };
    if (line.size() % 2 == 0 && has_zeros(1)) {
        return kLittleEndian;
    }
    // The first half of the line end is left.
    return has_zeros(0) ? std::optional(kBigEndian) : std::nullopt;
}

}  // namespace

std::optional<SecretSlip> find_slip(ByteView line) {
    const auto text = as_text(line);
    const auto* begun = std::ranges::find_if(
        kBeginnings, [text](const auto& one) { return text.starts_with(one.bytes); });
    if (begun != kBeginnings.end() && begun->slip.certain) {
        return begun->slip;
    }
    if (const auto slip = utf16_without_mark(line)) {
        return slip;
    }
    if (text.find('\0') != std::string_view::npos) {
        return kNul;
    }
    if (begun != kBeginnings.end()) {
        return begun->slip;
    }
    if (text.find('\r') != std::string_view::npos) {
        return kCarriageReturn;
    }
    if (std::ranges::any_of(line, [](auto c) { return is_control(c) && c != '\t'; })) {
        return kControl;
    }
    const bool blank = !line.empty() && (is_blank(line.front()) || is_blank(line.back()));
    return blank ? std::optional(kBlank) : std::nullopt;
}

bool has_control_characters(ByteView typed) {
    return std::ranges::any_of(typed, is_control);
}

std::string mending_command(std::string_view filter, std::string_view file) {
    const auto mended = shell_word(fmt::format("{}.new", file));
    return fmt::format("(umask 077; {} <{} >{}), and give {}", filter, shell_word(file), mended,
                       mended);
}

}  // namespace ecryptfs::base
