// SPDX-License-Identifier: Apache-2.0
//
// What a host is told and says, over a SEQPACKET socket pair: one message a packet, native byte
// order, both ends of the same build. The other end is the broker, or ecryptfsctl where no agent is
// needed. The host sends Hello or Refusal first; it then answers each message that has an id by one
// Opened, Done or Failed with that id, in any order, and each CloseKey by Closed.
//
// Messages hold views: into the caller's data when encoding, into the packet when decoding. They
// carry secrets and file keys: packets belong into SecretBytes. The decoders check everything, as a
// module may have taken over its host. docs/host-protocol.md.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/file_key_operation.h"
#include "lib/base/secret_entry.h"
#include "lib/pki/public_key.h"

namespace ecryptfs::pki {

inline constexpr std::uint32_t kHostProtocolVersion = 4;
inline constexpr std::size_t kMaxLocator = 4095;
inline constexpr std::size_t kMaxText = 512;
inline constexpr std::size_t kMaxProperties = 16;
inline constexpr std::size_t kMaxHostMessage = 12 * 1024;

// What a key is opened for, as in the module ABI: encrypting only, or both.
enum class KeyUse : std::uint8_t { kPublic = 1, kPrivate = 2 };

// The least that a key must be opened for, to do this with it.
constexpr KeyUse least_use(base::FileKeyOperation operation) {
    return operation == base::FileKeyOperation::kDecrypt ? KeyUse::kPrivate : KeyUse::kPublic;
}

// What can be listed: that which can hold keys, or keys.
enum class ItemKind : std::uint8_t { kTokens = 1, kKeys = 2 };

struct Property {
    std::string_view name;
    std::string_view value;
};

// To the host. `key` is the number by which later messages mean this key; the broker never
// gives a number twice to one host.
struct OpenKey {
    std::uint64_t id = 0;
    std::uint64_t key = 0;
    KeyUse use = KeyUse::kPrivate;
    std::string_view locator;
    base::SecretEntry secret;
};
// Answered by Closed.
struct CloseKey {
    std::uint64_t key = 0;
};
struct KeyOperation {
    std::uint64_t id = 0;
    std::uint64_t key = 0;
    base::FileKeyOperation action = base::FileKeyOperation::kDecrypt;
    base::ByteView input;
};
// Unwraps what was wrapped by RSA-OAEP with this hash. `input` has the modulus's size.
struct UnwrapOaep {
    std::uint64_t id = 0;
    std::uint64_t key = 0;
    OaepDigest digest = OaepDigest::kSha256;
    base::ByteView input;
};
// ECDH with the public key `peer`. Done holds the shared X coordinate.
struct DeriveSecret {
    std::uint64_t id = 0;
    std::uint64_t key = 0;
    base::ByteView peer;
};
struct ListItems {
    std::uint64_t id = 0;
    ItemKind kind = ItemKind::kTokens;
};
// Makes a key of `bits` bits, 0 for the module's choice, at the place that the URI `where` names.
// Done holds its locator.
struct MakeKey {
    std::uint64_t id = 0;
    std::uint32_t bits = 0;
    std::string_view where;
    std::vector<Property> options;
    base::SecretEntry secret;
};
using ToHost =
    std::variant<OpenKey, CloseKey, KeyOperation, ListItems, MakeKey, UnwrapOaep, DeriveSecret>;

// From the host. `threads`: how many operations are worked on at once.
struct Hello {
    std::uint32_t protocol_version = kHostProtocolVersion;
    std::uint32_t threads = 1;
    std::string_view name;
    std::string_view version;
    std::string_view description;
};
// A failure, as views. In Refusal: the module cannot be used, and the host is about to exit.
struct Refusal {
    base::ErrorCode code = base::ErrorCode::kInternal;
    std::string_view message;
    std::string_view advice;
};
struct Opened {
    std::uint64_t id = 0;
    std::string_view signature;  // as computed from the key: 16 hexadecimal digits
    std::string_view warning;
    std::string_view locator;  // to open the key by from now on; empty: as before
    PublicKeyView public_key;
};
struct Done {
    std::uint64_t id = 0;
    base::ByteView output;
};
struct Failed {
    std::uint64_t id = 0;
    Refusal why;
};
// One of those that ListItems asked for; Done follows the last.
struct Item {
    std::uint64_t id = 0;
    std::string_view uri;
    std::string_view label;
    std::vector<Property> properties;
};
// The host has nothing of the key in its memory any more.
struct Closed {
    std::uint64_t key = 0;
};
using FromHost = std::variant<Hello, Refusal, Opened, Done, Failed, Item, Closed>;

// Writes into `buffer` and gives the part written; kInvalidArgument when it does not fit.
base::Result<base::ByteView> encode(const ToHost& message, base::ByteSpan buffer);
base::Result<base::ByteView> encode(const FromHost& message, base::ByteSpan buffer);

// kMalformed for anything that encode() would not have written.
base::Result<ToHost> decode_to_host(base::ByteView packet);
base::Result<FromHost> decode_from_host(base::ByteView packet);

base::Error to_error(const Refusal& refusal);

}  // namespace ecryptfs::pki
