// SPDX-License-Identifier: Apache-2.0
//
// The file of a folder key: a JWE in general JSON serialization (RFC 7516 section 7.2.1) with any
// number of recipients, each of which opens it. docs/folder-keys.md is its description. Pure.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/pki/public_key.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::folderkey {

inline constexpr std::size_t kMaxFileSize = 256 * 1024;
inline constexpr std::size_t kMaxRecipients = 64;
inline constexpr std::uint32_t kFewestIterations = 100'000;
inline constexpr std::uint32_t kMostIterations = 10'000'000;
inline constexpr std::size_t kContentKeySize = 32;  // A256GCM
inline constexpr std::size_t kNonceSize = 12;
inline constexpr std::size_t kTagSize = 16;
// Two keys of 64 bytes, each with a salt of 8: see folder_key.h.
inline constexpr std::size_t kContentSize = 144;

// How a recipient's own key encrypts the content key ("alg", RFC 7518 section 4).
enum class KeyWrapping : std::uint8_t { kRsaOaep, kRsaOaep256, kEcdhEs, kPbes2 };

// As JOSE calls it: "RSA-OAEP-256".
std::string_view algorithm_name(KeyWrapping wrapping);

struct Recipient {
    std::string kid;  // of a private key its signature; unique in the file
    KeyWrapping wrapping = KeyWrapping::kPbes2;

    // Of a private key: where it is. Hints that nobody vouches for; empty if not known.
    std::string module = {};
    std::string locator = {};

    // Of ECDH-ES: the sender's key, and what Concat KDF takes of both parties.
    pki::PublicKey ephemeral_key = {};
    std::vector<std::uint8_t> sender_info = {};    // "apu"
    std::vector<std::uint8_t> receiver_info = {};  // "apv"

    // Of PBES2.
    std::vector<std::uint8_t> salt = {};  // "p2s"
    std::uint32_t iterations = 0;         // "p2c"
    bool is_recovery = false;             // the passphrase is a generated recovery key

    std::vector<std::uint8_t> encrypted_key = {};
    // A JSON object of header parameters that others wrote, or empty. They stay.
    std::string other_parameters = {};
};

struct FolderKeyFile {
    // The protected header as it is in the file: what authenticates it (RFC 7516 section 5.1,
    // step 14).
    std::string protected_header;

    // What is in it.
    std::array<std::uint8_t, 16> folder_id = {};
    std::optional<wire::KeySignature> contents_signature;  // always there in a file
    std::optional<wire::KeySignature> names_signature;     // likewise

    std::vector<Recipient> recipients;
    std::vector<std::uint8_t> nonce;
    std::vector<std::uint8_t> ciphertext;
    std::vector<std::uint8_t> tag;
};

// The protected header of a new file: the parsed fields as base64url of JSON. Both signatures are
// given.
std::string make_protected_header(const FolderKeyFile& file);

// kMalformed, with what is wrong: what is not of this form, is too large, names a member twice,
// says "zip" or "none", has a critical header parameter that is not known, or counts of iterations
// out of bounds.
base::Result<FolderKeyFile> parse_folder_key_file(std::string_view text);

// JSON, with a line end. kInvalidArgument for what could not be read again: too many recipients, or
// two of one kid.
base::Result<std::string> encode_folder_key_file(const FolderKeyFile& file);

// Null if there is none.
const Recipient* find_recipient(const FolderKeyFile& file, std::string_view kid);

}  // namespace ecryptfs::folderkey
