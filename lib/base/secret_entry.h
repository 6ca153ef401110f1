// SPDX-License-Identifier: Apache-2.0
//
// How a key's secret is entered when the key is opened.

#pragma once

#include <optional>
#include <variant>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

// The key is tried without one.
struct NoSecret {};

// A passphrase or PIN that somebody has typed, as a view.
struct TypedSecret {
    ByteView bytes;
};

// A person waits to type the PIN on the device's own pad.
struct EntryAtDevice {};

using SecretEntry = std::variant<NoSecret, TypedSecret, EntryAtDevice>;

// The form of the host protocol and of the module ABI: nothing, the secret's bytes, or no bytes
// where a person waits at the device. There a typed secret without bytes is the same as the latter.
inline std::optional<ByteView> secret_bytes(const SecretEntry& entry) {
    if (const auto* typed = std::get_if<TypedSecret>(&entry)) {
        return typed->bytes;
    }
    return std::holds_alternative<EntryAtDevice>(entry) ? std::optional(ByteView{}) : std::nullopt;
}

inline SecretEntry secret_entry(std::optional<ByteView> bytes) {
    if (!bytes) {
        return NoSecret{};
    }
    return bytes->empty() ? SecretEntry(EntryAtDevice{}) : SecretEntry(TypedSecret{*bytes});
}

}  // namespace ecryptfs::base
