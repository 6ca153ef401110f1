// SPDX-License-Identifier: Apache-2.0
//
// Finds the private key that a name means: by its own name, or by that of its public key or
// certificate.

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/try.h"
#include "pki-modules/pkcs11/objects.h"

namespace ecryptfs::pkcs11_module {

using base::Result;

namespace {

using Handles = std::vector<ObjectHandle>;

constexpr std::size_t kRoomForChoices = 180;  // in an advice, of ECRYPTFS_PKI_MAX_TEXT bytes

bool is_public_name(const KeyName& name) {
    return name.type == ObjectClass::kPublicKey || name.type == ObjectClass::kCertificate;
}

Result<Handles> find_usable_keys(const Session& session, const ObjectName& name) {
    auto found = find_objects(session, ObjectClass::kPrivateKey, name);
    if (found) {
        std::erase_if(*found, [&](ObjectHandle object) {
            return read_kind(session, object) == KeyKind::kOther;
        });
    }
    return found;
}

// An id need not be unique, so the numbers decide if the private key shows them.
Result<Handles> find_half_keys(const Session& session, const PublicHalf& half, bool by_id) {
    auto keys = find_usable_keys(session, {by_id ? half.name.id : std::nullopt, std::nullopt});
    if (keys) {
        std::erase_if(*keys, [&](ObjectHandle object) {
            if (kind_curve(read_kind(session, object)) != half.numbers.point.curve) {
                return true;
            }
            const auto numbers = read_numbers(session, object);
            return numbers ? !numbers->is_same_key(half.numbers) : !by_id;
        });
    }
    return keys;
}

Result<Handles> find_half_keys(const Session& session, const PublicHalf& half) {
    auto keys = half.name.id ? find_half_keys(session, half, true) : Handles{};
    return keys && keys->empty() ? find_half_keys(session, half, false) : keys;
}

Result<Handles> find_keys_by_public_halves(const Session& session, const KeyName& name) {
    Handles keys;
    for (const auto type : {ObjectClass::kPublicKey, ObjectClass::kCertificate}) {
        const bool wanted = !is_public_name(name) || name.type == type;
        const auto halves = TRY(wanted ? read_public_halves(session, type, name.name)
                                       : Result<std::vector<PublicHalf>>());
        for (const auto& half : halves) {
            const auto its_keys = TRY(find_half_keys(session, half));
            keys.insert(keys.end(), its_keys.begin(), its_keys.end());
        }
    }
    std::ranges::sort(keys);
    const auto repeated = std::ranges::unique(keys);
    keys.erase(repeated.begin(), repeated.end());
    return keys;
}

}  // namespace

Result<Handles> find_private_keys(const Session& session, const KeyName& name) {
    const bool public_first = is_public_name(name);
    for (const bool by_public_half : {public_first, !public_first}) {
        auto keys = by_public_half ? find_keys_by_public_halves(session, name)
                                   : find_usable_keys(session, name.name);
        if (!keys || !keys->empty()) {
            return keys;
        }
    }
    // The label may have been that of an object that was deleted.
    return name.name.id ? find_usable_keys(session, {name.name.id, std::nullopt}) : Handles{};
}

std::string list_choices(const std::vector<ObjectName>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto next = key_name_text(names[i].id, names[i].label);
        if (text.size() + next.size() > kRoomForChoices) {
            return text +
                   fmt::format("{}{} more", text.empty() ? "" : " or one of ", names.size() - i);
        }
        text += (text.empty() ? "" : " or ") + next;
    }
    return text;
}

}  // namespace ecryptfs::pkcs11_module
