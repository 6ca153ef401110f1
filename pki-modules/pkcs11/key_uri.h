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

// By what a token is known, each without the spaces that PKCS#11 pads it with; UTF-8.
struct TokenName {
    std::string label;
    std::string serial;
    std::string manufacturer;
    std::string model;

    bool operator==(const TokenName&) const = default;
};

enum class ObjectClass : std::uint8_t { kPrivateKey, kPublicKey, kCertificate };

struct KeyUri {
    // What is not there is not asked for.
    std::optional<std::string> label;  // "token"
    std::optional<std::string> serial;
    std::optional<std::string> manufacturer;
    std::optional<std::string> model;
    std::optional<std::string> object;  // CKA_LABEL
    std::optional<std::vector<std::uint8_t>> id;
    // Of the object that has this name. The key is always the private one that belongs to it.
    std::optional<ObjectClass> type;
    // The query; empty: not there.
    std::string module_path;
    std::string module_name;
    std::string pin_source;
    std::optional<Mechanism> mechanism;  // "x-mechanism", an attribute of ours

    // kInvalidArgument, with the reason, for what is no such URI, names something that is no key,
    // or holds a PIN. Of the URI itself nothing is in the message: it might hold one.
    static base::Result<KeyUri> parse(std::string_view uri);

    bool matches(const TokenName& token) const;

    // The URI with its parts in one order and one encoding; printable ASCII. With type=private.
    std::string text() const;
};

// "id=%01;object=my%20key": what tells a key from others on its token.
std::string key_name_text(const std::optional<std::vector<std::uint8_t>>& id,
                          const std::optional<std::string>& label);

// What tells a token from others; without a serial number that is all there is.
KeyUri precise_uri(const TokenName& token);

// The URI of a token, without a key's name.
std::string token_uri(const TokenName& token);

// A command that shows the tokens of the libraries that the URI allows: for advice.
std::string listing_command(const KeyUri& uri);

}  // namespace ecryptfs::pkcs11_module
