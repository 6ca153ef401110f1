// SPDX-License-Identifier: Apache-2.0
//
// Keys and certificates on a token, as they can be seen in a session.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "pki-modules/common/rsa_public_key.h"
#include "pki-modules/pkcs11/key_uri.h"
#include "pki-modules/pkcs11/session_pool.h"

namespace ecryptfs::pkcs11_module {

// What belongs together has one CKA_ID; CKA_LABEL is for people, and is what is left without.
struct ObjectName {
    std::optional<std::vector<std::uint8_t>> id;
    std::optional<std::string> label;
};

// All objects of a class and name, up to a bound that no person reaches.
base::Result<std::vector<ObjectHandle>> find_objects(const Session& session, ObjectClass type,
                                                     const ObjectName& name);

// Nothing if the object has no such attribute (CKA_…), or does not show it.
std::optional<std::vector<std::uint8_t>> read_attribute(const Session& session, ObjectHandle object,
                                                        unsigned long type);
std::optional<bool> read_flag(const Session& session, ObjectHandle object, unsigned long type);
bool is_rsa_key(const Session& session, ObjectHandle object);
ObjectName read_name(const Session& session, ObjectHandle object);

// CKA_MODULUS and CKA_PUBLIC_EXPONENT, of a public key or (where it shows them) a private one.
std::optional<module::RsaNumbers> read_numbers(const Session& session, ObjectHandle object);

struct PublicHalf {
    module::RsaNumbers numbers;
    ObjectName name;
    bool is_authority = false;  // a certificate that others are signed with
};

// The RSA keys in objects of this class, kPublicKey or kCertificate, and name.
base::Result<std::vector<PublicHalf>> read_public_halves(const Session& session, ObjectClass type,
                                                         const ObjectName& name);

// What a URI says of a key: the name, and the class of the object that has this name, if it says.
struct KeyName {
    ObjectName name;
    std::optional<ObjectClass> type;
};

// The RSA keys that public key objects of this name hold, or else its certificates. Of these two
// only the class that the name is said to be of.
base::Result<std::vector<PublicHalf>> find_public_halves(const Session& session,
                                                         const KeyName& name);

// The private RSA keys of this name, and if there are none, those that belong to the public keys
// and certificates of this name: by their id, or where there is none by their numbers. The other
// way round if the name is said to be a public key's or certificate's.
base::Result<std::vector<ObjectHandle>> find_private_keys(const Session& session,
                                                          const KeyName& name);

// "id=%01;object=my%20key or id=%02": as many as an advice has room for.
std::string list_choices(const std::vector<ObjectName>& names);

}  // namespace ecryptfs::pkcs11_module
