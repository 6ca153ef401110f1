// SPDX-License-Identifier: Apache-2.0

#include "lib/keyring/keyrings.h"

#include <fmt/format.h>
#include <keyutils.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <expected>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "lib/base/number.h"
#include "lib/base/try.h"

namespace ecryptfs::keyring {
namespace {

using base::ErrorCode;
using base::Result;

constexpr char kTokenType[] = "user";
constexpr std::size_t kMostOfAToken = 8192;

std::string text_of(const wire::KeySignature& signature) {
    return std::string(signature.text());
}

base::Error keyring_error(std::string_view what, int error_number) {
    if (error_number == EDQUOT) {
        return {ErrorCode::kQuotaExceeded,
                fmt::format("{}: the kernel's quota of keys for this user is used up", what),
                "remove a key that you no longer need: ecryptfsctl remove-key SIGNATURE; see what "
                "there is: cat /proc/keys; and the limits: grep . /proc/sys/kernel/keys/max*"};
    }
    return base::system_error(
        what, error_number,
        error_number == ENOSYS ? "use a kernel with key management (CONFIG_KEYS)" : "");
}

Result<void> checked(std::string_view what, long result) {
    if (result < 0) {
        return std::unexpected(keyring_error(what, errno));
    }
    return {};
}

Result<std::vector<KeySerial>> contents(KeySerial keyring) {
    std::vector<key_serial_t> serials(64);
    while (true) {
        const long size = ::keyctl_read(keyring.value, reinterpret_cast<char*>(serials.data()),
                                        serials.size() * sizeof(key_serial_t));
        if (size < 0) {
            return std::unexpected(keyring_error("reading the keyring", errno));
        }
        const auto count = static_cast<std::size_t>(size) / sizeof(key_serial_t);
        const bool complete = count <= serials.size();
        serials.resize(count);
        if (complete) {
            break;
        }
    }
    std::vector<KeySerial> result;
    std::ranges::transform(serials, std::back_inserter(result),
                           [](key_serial_t serial) { return KeySerial{serial}; });
    return result;
}

// The key that a line of /proc/keys is about, if it is of this type and description. Lines: serial
// flags usage timeout perm uid gid type desc: size.
std::optional<KeySerial> listed_token(const std::string& line, const std::string& description) {
    std::istringstream fields(line);
    std::string serial, flags, usage, timeout, perm, uid, gid, type, rest;
    fields >> serial >> flags >> usage >> timeout >> perm >> uid >> gid >> type;
    std::getline(fields >> std::ws, rest);
    const auto number = base::parse_number<std::uint32_t>(serial, 16);
    if (!number || type != kTokenType || rest.substr(0, rest.rfind(": ")) != description) {
        return std::nullopt;
    }
    return KeySerial{static_cast<std::int32_t>(*number)};
}

// Serial numbers of the keys of a token's type and this description that /proc/keys shows, dead
// ones too. Any user can put false lines there: descriptions are shown as they are, with the line
// ends in them, also to others. So this says something only of keys that keyctl_describe() refuses.
std::set<KeySerial> listed_in_proc_keys(const std::string& description) {
    std::set<KeySerial> serials;
    std::ifstream keys("/proc/keys");
    for (std::string line; std::getline(keys, line);) {
        if (const auto serial = listed_token(line, description)) {
            serials.insert(*serial);
        }
    }
    return serials;
}

// "type;uid;gid;perm;description" of a living key; else errno.
std::expected<std::string, int> full_description(KeySerial key) {
    std::array<char, 256> text{};
    const long size = ::keyctl_describe(key.value, text.data(), text.size());
    if (size < 0) {
        return std::unexpected(errno);
    }
    // A longer one is no token's.
    return size == 0 || static_cast<std::size_t>(size) > text.size()
               ? ""
               : std::string(text.data(), static_cast<std::size_t>(size) - 1);
}

// What a key of a token's type is named; nothing for others.
std::optional<std::string> token_name(std::string_view described) {
    if (!described.starts_with(fmt::format("{};", kTokenType))) {
        return std::nullopt;
    }
    for (int field = 0; field < 4; ++field) {
        described.remove_prefix(std::min(described.find(';') + 1, described.size()));
    }
    return std::string(described);
}

bool is_dead(int describe_error) {
    return describe_error == EKEYEXPIRED || describe_error == EKEYREVOKED;
}

}  // namespace

std::string_view keyring_name(Keyring keyring) {
    return keyring == Keyring::kUser ? "user" : "session";
}

Result<KeySerial> find_keyring(Keyring keyring) {
    if (keyring == Keyring::kUser) {
        // Not its serial number: by this one it, and what is in it, is possessed, linked or not.
        return KeySerial{KEY_SPEC_USER_KEYRING};
    }
    const key_serial_t serial = ::keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0);
    if (serial < 0) {
        return std::unexpected(keyring_error("finding the session keyring", errno));
    }
    return KeySerial{serial};
}

Result<KeySerial> add_token(KeySerial keyring, const wire::KeySignature& signature,
                            base::ByteView payload) {
    const key_serial_t serial = ::add_key(kTokenType, text_of(signature).c_str(), payload.data(),
                                          payload.size(), keyring.value);
    if (serial < 0) {
        return std::unexpected(keyring_error("adding the key to the keyring", errno));
    }
    return KeySerial{serial};
}

Result<std::vector<KeySerial>> list_tokens(KeySerial keyring, const wire::KeySignature& signature) {
    auto keys = contents(keyring);
    if (!keys) {
        return keys;
    }
    const auto description = text_of(signature);
    const auto listed = listed_in_proc_keys(description);
    std::erase_if(*keys, [&](KeySerial key) {
        const auto described = full_description(key);
        return described ? token_name(*described) != description
                         : !is_dead(described.error()) || !listed.contains(key);
    });
    return keys;
}

Result<std::vector<NamedToken>> all_tokens(KeySerial keyring) {
    const auto keys = TRY(contents(keyring));
    std::vector<NamedToken> tokens;
    for (const auto key : keys) {
        const auto signature = wire::KeySignature::from_text(
            token_name(full_description(key).value_or("")).value_or(""));
        if (signature) {
            tokens.push_back({*signature, key});
        }
    }
    return tokens;
}

Result<bool> user_keyring_is_linked() {
    const auto session = find_keyring(Keyring::kSession);
    const auto linked =
        TRY(session ? contents(*session)
                    : Result<std::vector<KeySerial>>(std::unexpected(session.error())));
    const KeySerial user{
        static_cast<std::int32_t>(::keyctl_get_keyring_ID(KEY_SPEC_USER_KEYRING, 1))};
    return std::ranges::find(linked, user) != linked.end();
}

Result<base::SecretBytes> read_token(KeySerial token) {
    auto buffer = TRY(base::SecretBytes::create(kMostOfAToken));
    const long size =
        ::keyctl_read(token.value, reinterpret_cast<char*>(buffer.span().data()), buffer.size());
    if (size < 0) {
        return std::unexpected(keyring_error("reading the key", errno));
    }
    return base::SecretBytes::copy_of(
        buffer.view().first(std::min(static_cast<std::size_t>(size), buffer.size())));
}

bool can_find(KeySerial keyring, const wire::KeySignature& signature, KeySerial token) {
    return ::keyctl_search(keyring.value, kTokenType, text_of(signature).c_str(), 0) == token.value;
}

Result<KeySerial> request_token(const wire::KeySignature& signature, const char* type) {
    const key_serial_t serial = ::request_key(type, text_of(signature).c_str(), nullptr, 0);
    if (serial < 0) {
        return std::unexpected(
            errno == ENOKEY
                ? base::Error{ErrorCode::kUnknownKey,
                              fmt::format("the keyrings have no key {}", signature.text())}
                : keyring_error(fmt::format("finding the key {}", signature.text()), errno));
    }
    return KeySerial{serial};
}

Result<void> link(KeySerial key, KeySerial keyring) {
    return checked("linking the key into the keyring", ::keyctl_link(key.value, keyring.value));
}

Result<void> unlink(KeySerial key, KeySerial keyring) {
    return checked("taking the key out of the keyring", ::keyctl_unlink(key.value, keyring.value));
}

Result<void> possess_user_keyring() {
    return checked("linking the user keyring",
                   ::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING));
}

Result<void> share_user_keyring() {
    return link(KeySerial{KEY_SPEC_USER_KEYRING}, KeySerial{KEY_SPEC_SESSION_KEYRING});
}

std::optional<uid_t> session_keyring_owner() {
    const auto text = full_description(KeySerial{KEY_SPEC_SESSION_KEYRING}).value_or("");
    std::string_view described(text);
    described.remove_prefix(std::min(described.find(';') + 1, described.size()));
    return base::parse_number<uid_t>(described.substr(0, described.find(';')));
}

Result<void> start_session_keyring(bool links_old) {
    const auto old = TRY(links_old ? find_keyring(Keyring::kSession) : KeySerial{});
    // Possessed by the process meanwhile: it is not by the new session.
    if (links_old) {
        if (auto kept = link(old, KeySerial{KEY_SPEC_PROCESS_KEYRING}); !kept) {
            return kept;
        }
    }
    if (auto joined = checked("making a session keyring", ::keyctl_join_session_keyring(nullptr));
        !joined || !links_old) {
        return joined;
    }
    return link(old, KeySerial{KEY_SPEC_SESSION_KEYRING});
}

Result<void> set_timeout(KeySerial key, std::chrono::seconds timeout) {
    return checked("setting the key's timeout",
                   ::keyctl_set_timeout(key.value, static_cast<unsigned>(timeout.count())));
}

Result<void> let_user_read(KeySerial key) {
    constexpr key_perm_t kPermissions = KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ | KEY_USR_SEARCH;
    return checked("setting the key's permissions", ::keyctl_setperm(key.value, kPermissions));
}

Result<void> keep_from_user(KeySerial key) {
    return checked("setting the key's permissions",
                   ::keyctl_setperm(key.value, KEY_POS_ALL | KEY_USR_VIEW));
}

}  // namespace ecryptfs::keyring
