// SPDX-License-Identifier: Apache-2.0
//
// PKCS#11 URIs (RFC 7512) as names of keys and tokens. Pure: no token is asked.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "pki-modules/pkcs11/mechanism.h"

namespace ecryptfs::pkcs11_module {

// What names a token. UTF-8, without the spaces that PKCS#11 pads each field with.
struct TokenName {
    std::string label;
    std::string serial;
    std::string manufacturer;
    std::string model;

    bool operator==(const TokenName&) const = default;
};

enum class ObjectClass : std::uint8_t { kPrivateKey, kPublicKey, kCertificate };

struct KeyUri {
    // An absent part fits every token or key.
    std::optional<std::string> label;  // "token"
    std::optional<std::string> serial;
    std::optional<std::string> manufacturer;
    std::optional<std::string> model;
    std::optional<std::string> object;  // CKA_LABEL
    std::optional<std::vector<std::uint8_t>> id;
    // The class of the named object. The key is the private one that belongs to it.
    std::optional<ObjectClass> type;
    // The query. Empty: absent.
    std::string module_path;
    std::string module_name;
    std::string pin_source;
    std::optional<Mechanism> mechanism;  // "x-mechanism", our own attribute

    // kInvalidArgument, with the reason, for any other text, for a URI that cannot name a key, and
    // for one that holds a PIN. The message never repeats the URI, as that might hold a PIN.
    static base::Result<KeyUri> parse(std::string_view uri);

    bool matches(const TokenName& token) const;

    // The URI in its one form: fixed order and encoding, printable ASCII, type=private.
    std::string text() const;
};

// "id=%01;object=my%20key": names a key among those on its token.
std::string key_name_text(const std::optional<std::vector<std::uint8_t>>& id,
                          const std::optional<std::string>& label);

// Names one token: by label and serial number, or by all fields if it has no serial number.
KeyUri precise_uri(const TokenName& token);

// The URI of a token alone.
std::string token_uri(const TokenName& token);

// A command that shows the tokens of the libraries that the URI allows: for advice.
std::string listing_command(const KeyUri& uri);

}  // namespace ecryptfs::pkcs11_module
