// SPDX-License-Identifier: Apache-2.0
//
// Keys and certificates on a token, as a session shows them.

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

// The objects of one key share a CKA_ID. CKA_LABEL is for people, and names a key without an id.
struct ObjectName {
    std::optional<std::vector<std::uint8_t>> id;
    std::optional<std::string> label;
};

// All objects of a class and name, up to a bound that no real token reaches.
base::Result<std::vector<ObjectHandle>> find_objects(const Session& session, ObjectClass type,
                                                     const ObjectName& name);

// Nothing if the object lacks the attribute (CKA_…) or hides it.
std::optional<std::vector<std::uint8_t>> read_attribute(const Session& session, ObjectHandle object,
                                                        unsigned long type);
std::optional<bool> read_flag(const Session& session, ObjectHandle object, unsigned long type);
bool is_rsa_key(const Session& session, ObjectHandle object);
ObjectName read_name(const Session& session, ObjectHandle object);

// CKA_MODULUS and CKA_PUBLIC_EXPONENT of a public key, or of a private one that shows them.
std::optional<module::RsaNumbers> read_numbers(const Session& session, ObjectHandle object);

struct PublicHalf {
    module::RsaNumbers numbers;
    ObjectName name;
    bool is_authority = false;  // a certificate that signs others
};

// The RSA keys in objects of this class (kPublicKey or kCertificate) and name.
base::Result<std::vector<PublicHalf>> read_public_halves(const Session& session, ObjectClass type,
                                                         const ObjectName& name);

// How a URI names a key: the name of one of its objects, and perhaps that object's class.
struct KeyName {
    ObjectName name;
    std::optional<ObjectClass> type;
};

// The RSA keys in public key objects of this name, or else in certificates. Only one of the two if
// the name says its class.
base::Result<std::vector<PublicHalf>> find_public_halves(const Session& session,
                                                         const KeyName& name);

// The private RSA keys of this name. If there are none, those that belong to the public keys and
// certificates of this name: by their id, or by their numbers if they have none. The other way
// round if the name is that of a public key or certificate.
base::Result<std::vector<ObjectHandle>> find_private_keys(const Session& session,
                                                          const KeyName& name);

// "id=%01;object=my%20key or id=%02": as many names as an advice has room for.
std::string list_choices(const std::vector<ObjectName>& names);

}  // namespace ecryptfs::pkcs11_module
