// SPDX-License-Identifier: Apache-2.0

#include "lib/keyring/keyrings.h"

#include <fmt/format.h>
#include <keyutils.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "lib/base/try.h"
#include "lib/keyring/key_list.h"
#include "lib/keyring/proc_keys.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::keyring {
namespace {

using base::ErrorCode;
using base::Result;

constexpr char kTokenType[] = "user";

std::string description(const wire::KeySignature& signature) {
    return std::string(signature.text());
}

base::Error search_error(const wire::KeySignature& signature, int error_number) {
    return error_number == ENOKEY
               ? base::Error{ErrorCode::kUnknownKey,
                             fmt::format("the keyrings have no key {}", signature.text())}
               : keyring_error(fmt::format("finding the key {}", signature.text()), error_number);
}

Result<void> checked(std::string_view what, long result) {
    if (result < 0) {
        return std::unexpected(keyring_error(what, errno));
    }
    return {};
}

// Serial numbers of the keys of a token's type and this description that /proc/keys shows, dead
// ones too. Lines there may be false (proc_keys.h), so this says something only of keys that
// keyctl_describe() refuses.
std::set<KeySerial> listed_tokens(const std::string& description) {
    std::set<KeySerial> serials;
    for (const auto& key : listed_keys()) {
        if (key.type == kTokenType && key.description == description) {
            serials.insert(key.serial);
        }
    }
    return serials;
}

// What a key of a token's type is named; nothing for others and for dead ones.
std::optional<std::string> token_name(KeySerial key) {
    auto described = describe_key(key);
    return described && described->type == kTokenType
               ? std::optional(std::move(described->description))
               : std::nullopt;
}

// A payload that cannot be read counts as something else. Uses the buffer.
bool holds_private_key(KeySerial token, base::ByteSpan buffer) {
    const auto payload = read_token(token, buffer);
    const auto parsed = payload ? wire::parse_auth_token(*payload)
                                : Result<wire::AuthToken>(std::unexpected(payload.error()));
    return parsed && std::holds_alternative<wire::PrivateKeyToken>(*parsed);
}

bool is_dead(int describe_error) {
    return describe_error == EKEYEXPIRED || describe_error == EKEYREVOKED;
}

}  // namespace

std::string_view keyring_name(Keyring keyring) {
    return keyring == Keyring::kUser ? "user" : "session";
}

KeySerial user_keyring() {
    return KeySerial{KEY_SPEC_USER_KEYRING};
}

Result<KeySerial> find_keyring(Keyring keyring) {
    if (keyring == Keyring::kUser) {
        return user_keyring();
    }
    const key_serial_t serial = ::keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0);
    if (serial < 0) {
        return std::unexpected(keyring_error("finding the session keyring", errno));
    }
    return KeySerial{serial};
}

Result<KeySerial> add_token(KeySerial keyring, const wire::KeySignature& signature,
                            base::ByteView payload) {
    const key_serial_t serial = ::add_key(kTokenType, description(signature).c_str(),
                                          payload.data(), payload.size(), keyring.value);
    if (serial < 0) {
        return std::unexpected(keyring_error("adding the key to the keyring", errno));
    }
    return KeySerial{serial};
}

Result<std::vector<KeySerial>> list_tokens(KeySerial keyring, const wire::KeySignature& signature) {
    auto keys = keys_in_keyring(keyring);
    if (!keys) {
        return keys;
    }
    const auto wanted = description(signature);
    const auto listed = listed_tokens(wanted);
    std::erase_if(*keys, [&](KeySerial key) {
        const auto described = describe_key(key);
        return described ? described->type != kTokenType || described->description != wanted
                         : !is_dead(described.error()) || !listed.contains(key);
    });
    return keys;
}

std::vector<Keyring> keyrings_with_token(const wire::KeySignature& signature) {
    std::vector<Keyring> found;
    for (const Keyring place : {Keyring::kUser, Keyring::kSession}) {
        const auto keyring = find_keyring(place);
        const auto tokens = keyring ? list_tokens(*keyring, signature)
                                    : Result<std::vector<KeySerial>>(std::vector<KeySerial>());
        if (tokens && !tokens->empty()) {
            found.push_back(place);
        }
    }
    return found;
}

Result<std::vector<NamedToken>> private_key_tokens(KeySerial keyring) {
    const auto keys = TRY(keys_in_keyring(keyring));
    auto buffer = TRY(base::SecretBytes::create(kMaxPayloadSize));
    std::vector<NamedToken> tokens;
    for (const auto key : keys) {
        const auto signature = wire::KeySignature::from_text(token_name(key).value_or(""));
        if (signature && holds_private_key(key, buffer.span())) {
            tokens.push_back({*signature, key});
        }
    }
    return tokens;
}

bool is_token(KeySerial key, const wire::KeySignature& signature) {
    return token_name(key) == signature.text();
}

Result<bool> user_keyring_is_linked() {
    const auto session = find_keyring(Keyring::kSession);
    const auto linked =
        TRY(session ? keys_in_keyring(*session)
                    : Result<std::vector<KeySerial>>(std::unexpected(session.error())));
    const KeySerial user{
        static_cast<std::int32_t>(::keyctl_get_keyring_ID(KEY_SPEC_USER_KEYRING, 1))};
    return std::ranges::find(linked, user) != linked.end();
}

Result<base::SecretBytes> read_token(KeySerial token) {
    auto buffer = TRY(base::SecretBytes::create(kMaxPayloadSize));
    const auto payload = TRY(read_token(token, buffer.span()));
    return base::SecretBytes::copy(payload);
}

Result<base::ByteView> read_token(KeySerial token, base::ByteSpan buffer) {
    const long size =
        ::keyctl_read(token.value, reinterpret_cast<char*>(buffer.data()), buffer.size());
    if (size < 0) {
        return std::unexpected(keyring_error("reading the key", errno));
    }
    // The size that the payload has, which for this type is never more than fits.
    return buffer.first(std::min(static_cast<std::size_t>(size), buffer.size()));
}

Result<KeySerial> find_token(KeySerial keyring, const wire::KeySignature& signature) {
    const long serial = ::keyctl_search(keyring.value, kTokenType, description(signature).c_str(),
                                        /*destination=*/0);
    if (serial < 0) {
        return std::unexpected(search_error(signature, errno));
    }
    return KeySerial{static_cast<key_serial_t>(serial)};
}

Result<KeySerial> request_token(const wire::KeySignature& signature, const char* type) {
    const key_serial_t serial = ::request_key(type, description(signature).c_str(), nullptr, 0);
    if (serial < 0) {
        return std::unexpected(search_error(signature, errno));
    }
    return KeySerial{serial};
}

Result<void> link(KeySerial key, KeySerial keyring) {
    return checked("linking the key into the keyring", ::keyctl_link(key.value, keyring.value));
}

Result<void> unlink(KeySerial key, KeySerial keyring) {
    return checked("unlinking the key from the keyring", ::keyctl_unlink(key.value, keyring.value));
}

Result<void> link_user_keyring_to_process() {
    return checked("linking the user keyring",
                   ::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING));
}

Result<void> link_user_keyring_to_session() {
    return link(user_keyring(), KeySerial{KEY_SPEC_SESSION_KEYRING});
}

std::optional<uid_t> session_keyring_owner() {
    const auto described = describe_key(KeySerial{KEY_SPEC_SESSION_KEYRING});
    return described ? std::optional(described->owner) : std::nullopt;
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

Result<void> allow_user_to_read(KeySerial key) {
    constexpr key_perm_t kPermissions = KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ | KEY_USR_SEARCH;
    return checked("setting the key's permissions", ::keyctl_setperm(key.value, kPermissions));
}

Result<void> allow_possessors_only(KeySerial key) {
    return checked("setting the key's permissions",
                   ::keyctl_setperm(key.value, KEY_POS_ALL | KEY_USR_VIEW));
}

}  // namespace ecryptfs::keyring
