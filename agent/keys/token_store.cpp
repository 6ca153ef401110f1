// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/token_store.h"

#include <fmt/format.h>
#include <keyutils.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "agent/runtime/log.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

// The largest payload of a `user` key (security/keys/user_defined.c).
constexpr std::size_t kMaxPayload = 32767;

Error keyring_error(const KeySignature& signature, int error_number) {
    const auto name = signature.text();
    switch (error_number) {
        case ENOKEY:
            return {ErrorCode::kUnknownKey, fmt::format("no key {} in the user keyring", name),
                    "add it: ecryptfsctl add-key FILE-OR-URI"};
        case EKEYEXPIRED:
            return {ErrorCode::kKeyExpired, fmt::format("key {} has expired", name),
                    "add it again: ecryptfsctl add-key FILE-OR-URI"};
        case EKEYREVOKED:
            return {ErrorCode::kKeyRevoked, fmt::format("key {} was revoked", name),
                    "add it again: ecryptfsctl add-key FILE-OR-URI"};
        case EACCES:
            return {ErrorCode::kAccessDenied, fmt::format("key {} may not be read", name),
                    "let its user view, read and search it: see keyctl setperm"};
        default:
            return base::system_error(ErrorCode::kInternal, fmt::format("reading key {}", name),
                                      error_number);
    }
}

std::string description_of(KeySerial serial) {
    std::array<char, 512> text{};
    const auto size = ::keyctl_describe(serial, text.data(), text.size());
    return size < 0 ? "" : std::string(text.data());
}

// keyctl_describe(): "type;uid;gid;permissions;description".
bool is_user_key_named(const std::string& description, std::string_view name) {
    return description.starts_with("user;") && description.ends_with(fmt::format(";{}", name));
}

bool is_private_key_token(base::ByteView payload) {
    const auto token = wire::parse_auth_token(payload);
    return token && std::holds_alternative<wire::PrivateKeyToken>(*token);
}

std::uint64_t seconds_in(char unit) {
    switch (unit) {
        case 'w':
            return 7ULL * 24 * 3600;
        case 'd':
            return 24ULL * 3600;
        case 'h':
            return 3600;
        case 'm':
            return 60;
        default:
            return 1;
    }
}

}  // namespace

TokenStore::TokenStore() : payload_(base::value_or_throw(base::SecretBytes::create(kMaxPayload))) {
    if (::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING) < 0) {
        log_line(Priority::kWarning,
                 fmt::format("cannot link the user keyring: {}; keys in it may not be readable",
                             ::strerrordesc_np(errno)));
    }
}

Result<StoredToken> TokenStore::find(const KeySignature& signature) {
    std::array<char, KeySignature::kTextSize + 1> name{};
    std::ranges::copy(signature.text(), name.begin());
    const auto found =
        ::keyctl_search(KEY_SPEC_USER_KEYRING, "user", name.data(), /*destination=*/0);
    const int search_error = errno;
    StoredToken token;
    if (found >= 0) {
        token.serial = static_cast<KeySerial>(found);
    } else if (const auto told = remembered_.find(signature); told != remembered_.end()) {
        token.serial = told->second;
        token.in_user_keyring = false;
    } else {
        return std::unexpected(keyring_error(signature, search_error));
    }
    const auto payload = read(token.serial);
    if (!payload) {
        return std::unexpected(keyring_error(signature, payload.error()));
    }
    token.payload = *payload;
    return token;
}

Result<void> TokenStore::remember(const KeySignature& signature, KeySerial serial) {
    if (!is_user_key_named(description_of(serial), signature.text())) {
        return std::unexpected(
            Error{ErrorCode::kInvalidToken,
                  fmt::format("key number {} is not the token of {}", serial, signature.text())});
    }
    if (const auto payload = read(serial); !payload) {
        return std::unexpected(keyring_error(signature, payload.error()));
    }
    wipe();
    remembered_.insert_or_assign(signature, serial);
    return {};
}

void TokenStore::forget(const KeySignature& signature) {
    remembered_.erase(signature);
}

std::vector<KeySignature> TokenStore::list() {
    std::vector<KeySerial> serials(512);
    const auto size = ::keyctl_read(KEY_SPEC_USER_KEYRING, reinterpret_cast<char*>(serials.data()),
                                    serials.size() * sizeof(KeySerial));
    serials.resize(
        size < 0 ? 0
                 : std::min(static_cast<std::size_t>(size) / sizeof(KeySerial), serials.size()));
    std::vector<KeySignature> signatures;
    for (const auto serial : serials) {
        const auto description = description_of(serial);
        const auto signature = KeySignature::from_text(
            std::string_view(description).substr(description.rfind(';') + 1));
        if (!signature || !is_user_key_named(description, signature->text())) {
            continue;
        }
        if (const auto payload = read(serial); payload && is_private_key_token(*payload)) {
            signatures.push_back(*signature);
        }
    }
    wipe();
    return signatures;
}

void TokenStore::wipe() {
    ::explicit_bzero(payload_.span().data(), std::exchange(used_, 0));
}

std::map<KeySerial, std::uint64_t> TokenStore::expiries() {
    std::ifstream keys("/proc/keys");
    return parse_expiries(keys);
}

// keyctl_read() gives the size that the payload has, which for a `user` key is never more than
// fits.
std::expected<base::ByteView, int> TokenStore::read(KeySerial serial) {
    const auto size =
        ::keyctl_read(serial, reinterpret_cast<char*>(payload_.span().data()), payload_.size());
    if (size < 0) {
        return std::unexpected(errno);
    }
    const auto read = std::min(static_cast<std::size_t>(size), payload_.size());
    used_ = std::max(used_, read);
    return payload_.view().first(read);
}

// Fields: serial (hexadecimal), flags, uses, time left ("perm", "expd", "3m") …
std::map<KeySerial, std::uint64_t> parse_expiries(std::istream& proc_keys) {
    constexpr std::uint64_t kNoEnd = 0;
    std::map<KeySerial, std::uint64_t> left;
    for (std::string line; std::getline(proc_keys, line);) {
        std::istringstream fields(line);
        std::uint32_t serial = 0;
        std::string flags, uses;
        std::uint64_t count = 0;
        char unit = 0;
        if (!(fields >> std::hex >> serial >> flags >> uses)) {
            continue;
        }
        const bool has_end = static_cast<bool>(fields >> std::dec >> count >> unit);
        const auto seconds = has_end ? count * seconds_in(unit) : kNoEnd;
        const auto [known, is_first] = left.try_emplace(static_cast<KeySerial>(serial), seconds);
        if (!is_first && known->second != seconds) {
            known->second = kNoEnd;
        }
    }
    std::erase_if(left, [](const auto& entry) { return entry.second == kNoEnd; });
    return left;
}

}  // namespace ecryptfs::agent
