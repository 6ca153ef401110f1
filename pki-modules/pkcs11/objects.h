// SPDX-License-Identifier: Apache-2.0
//
// Keys and certificates on a token, as a session shows them.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/curve_key.h"
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
// What we can use of a key object: RSA, or a curve.
enum class KeyKind : std::uint8_t { kOther, kRsa, kP256, kP384 };
KeyKind read_kind(const Session& session, ObjectHandle object);
// ECRYPTFS_PKI_NO_CURVE for RSA.
ecryptfs_pki_curve kind_curve(KeyKind kind);
// CKA_EC_PARAMS of P-256 or P-384.
base::ByteView curve_parameters(ecryptfs_pki_curve curve);
ObjectName read_name(const Session& session, ObjectHandle object);

// The numbers of a public key: of RSA or, if that has a curve, `point`.
struct KeyNumbers {
    module::RsaNumbers rsa;
    module::CurvePoint point;

    bool is_rsa() const { return point.curve == ECRYPTFS_PKI_NO_CURVE; }
    bool is_same_key(const KeyNumbers& other) const {
        return rsa.modulus == other.rsa.modulus && point == other.point;
    }
};

// CKA_MODULUS and CKA_PUBLIC_EXPONENT, or CKA_EC_PARAMS and CKA_EC_POINT, of a public key, or of a
// private one that shows them.
std::optional<KeyNumbers> read_numbers(const Session& session, ObjectHandle object);

struct PublicHalf {
    KeyNumbers numbers;
    ObjectName name;
    bool is_authority = false;  // a certificate that signs others
};

// The keys that we can use in objects of this class (kPublicKey or kCertificate) and name.
base::Result<std::vector<PublicHalf>> read_public_halves(const Session& session, ObjectClass type,
                                                         const ObjectName& name);

// How a URI names a key: the name of one of its objects, and perhaps that object's class.
struct KeyName {
    ObjectName name;
    std::optional<ObjectClass> type;
};

// The keys that we can use in public key objects of this name, or else in certificates. Only one of
// the two if the name says its class.
base::Result<std::vector<PublicHalf>> find_public_halves(const Session& session,
                                                         const KeyName& name);

// The private keys of this name that we can use. If there are none, those that belong to the public
// keys and certificates of this name: by their id, or by their numbers if they have none. The other
// way round if the name is that of a public key or certificate.
base::Result<std::vector<ObjectHandle>> find_private_keys(const Session& session,
                                                          const KeyName& name);

// "id=%01;object=my%20key or id=%02": as many names as an advice has room for.
std::string list_choices(const std::vector<ObjectName>& names);

}  // namespace ecryptfs::pkcs11_module
