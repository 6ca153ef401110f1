// SPDX-License-Identifier: Apache-2.0
//
// Keys and OAEP by OpenSSL, for tests to compare modules with. Everything throws on failure.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/handle.h"

struct evp_pkey_st;

namespace ecryptfs::contract {

void free_test_key(evp_pkey_st* key) noexcept;
using Pkey = base::Handle<evp_pkey_st, free_test_key>;

struct PublicNumbers {
    std::vector<std::uint8_t> modulus;
    std::vector<std::uint8_t> exponent;
};

// Any number of bits from 512; the public exponent in hexadecimal.
Pkey make_rsa_key(unsigned bits, const std::string& exponent = "10001");
// By OpenSSL's name of the type or group: "ED25519", "RSA-PSS", "P-256" …
Pkey make_key(const std::string& type);

PublicNumbers numbers_of(const evp_pkey_st& key);

// d, p, q, d mod p-1, d mod q-1, 1/q mod p.
std::vector<std::vector<std::uint8_t>> private_numbers_of(const evp_pkey_st& key);

// kOldPkcs8, as OpenSSL 1.0 encrypted it, needs the process to have the legacy provider loaded.
enum class PemForm { kPkcs8, kTraditional, kOldPkcs8 };
// AES-256-CBC with the passphrase, if there is one; a passphrase may hold any byte.
std::string to_pem(const evp_pkey_st& key, PemForm form,
                   const std::optional<std::string>& passphrase = {});
std::string to_public_pem(const evp_pkey_st& key);
Pkey read_public_key(const std::string& pem);
// The key in a PEM file.
Pkey read_private_key(const std::string& path, const std::string& passphrase);

std::vector<std::uint8_t> wrap_by_oaep(evp_pkey_st& public_key, const std::string& hash,
                                       base::ByteView plain);

// RSA alone, of a block as long as the modulus and smaller.
std::vector<std::uint8_t> wrap_without_padding(evp_pkey_st& public_key, base::ByteView block);

}  // namespace ecryptfs::contract
