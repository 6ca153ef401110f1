// SPDX-License-Identifier: Apache-2.0

#include "lib/keyring/proc_keys.h"

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "lib/base/number.h"

namespace ecryptfs::keyring {
namespace {

using std::chrono::seconds;

// security/keys/proc.c: proc_keys_show
std::optional<seconds> length_of_unit(char unit) {
    switch (unit) {
        case 'w':
            return std::chrono::weeks(1);
        case 'd':
            return std::chrono::days(1);
        case 'h':
            return std::chrono::hours(1);
        case 'm':
            return std::chrono::minutes(1);
        case 's':
            return seconds(1);
        default:
            return std::nullopt;
    }
}

// "3m"; nothing for "perm" and "expd".
std::optional<seconds> parse_timeout(std::string_view text) {
    const auto unit = text.empty() ? std::nullopt : length_of_unit(text.back());
    const auto count =
        unit ? base::parse_number<std::uint32_t>(text.substr(0, text.size() - 1)) : std::nullopt;
    return count ? std::optional(*count * *unit) : std::nullopt;
}

// Line: serial flags usage timeout perm uid gid type description[: size]. A dead key has no size.
std::optional<ListedKey> parse_line(const std::string& line) {
    std::istringstream fields(line);
    std::string serial, flags, usage, timeout, perm, uid, gid, type, rest;
    fields >> serial >> flags >> usage >> timeout >> perm >> uid >> gid >> type;
    const auto number = base::parse_number<std::uint32_t>(serial, 16);
    if (!fields || !number) {
        return std::nullopt;
    }
    std::getline(fields >> std::ws, rest);
    return ListedKey{KeySerial{static_cast<std::int32_t>(*number)}, parse_timeout(timeout),
                     std::move(type), rest.substr(0, rest.rfind(": "))};
}

}  // namespace

std::vector<ListedKey> parse_proc_keys(std::istream& text) {
    std::vector<ListedKey> keys;
    for (std::string line; std::getline(text, line);) {
        if (auto key = parse_line(line)) {
            keys.push_back(std::move(*key));
        }
    }
    return keys;
}

std::vector<ListedKey> listed_keys() {
    std::ifstream text("/proc/keys");
    return parse_proc_keys(text);
}

std::map<KeySerial, seconds> times_left(const std::vector<ListedKey>& keys) {
    std::map<KeySerial, std::optional<seconds>> believed;
    for (const auto& key : keys) {
        const auto [known, is_first] = believed.try_emplace(key.serial, key.time_left);
        if (!is_first && known->second != key.time_left) {
            known->second = std::nullopt;
        }
    }
    std::map<KeySerial, seconds> left;
    for (const auto& [serial, time] : believed) {
        if (time) {
            left.emplace(serial, *time);
        }
    }
    return left;
}

}  // namespace ecryptfs::keyring
