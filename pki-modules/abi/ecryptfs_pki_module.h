/* SPDX-License-Identifier: Apache-2.0
 *
 * The interface of a PKI module of ecryptfs-agent.
 *
 * A module knows how to use one kind of private key: a key file, an object on a smart card, a key
 * in the TPM. It is a shared object NAME.so in the module directory (pkg-config variable
 * moduledir) that exports exactly one symbol, ecryptfs_pki_get_module(). ecryptfs-pki-host loads
 * it and calls it as the agent asks; a module may have several host processes. The user names a
 * module with `ecryptfsctl add-key --module NAME`. docs/writing-a-pki-module.md walks through one.
 *
 * What a module does: it wraps and unwraps file keys by RSA. A file key is at most
 * ECRYPTFS_PKI_MAX_FILE_KEY bytes. The wrapped one has the size of the RSA modulus, at most
 * ECRYPTFS_PKI_MAX_WRAPPED_KEY bytes: the kernel takes no more. A module need not know what a file
 * key contains or what it is used for.
 *
 * A module may do more, for folder keys, which are in JWE files (RFC 7516): unwrap by RSA-OAEP what
 * others wrapped, with the hash that they chose; and compute the secret that a key of an elliptic
 * curve shares with another key (ECDH). A key of a curve wraps no file keys.
 *
 * Rules for every function:
 *  - Return a status. With any but ECRYPTFS_PKI_OK, also fill `error`: its message names what is
 *    wrong (a file, a token, a property), its advice says what the user can do. Never put a secret,
 *    or bytes of a key, in either.
 *  - Do not let a C++ exception out. Do not call exit(). Do not write to stdout or stderr. Do not
 *    ask the user for anything: open() gets the secret, if there is one.
 *  - Wipe file keys, secrets and private keys before you free their memory, and never log them.
 *  - The host may call encrypt(), decrypt(), decrypt_oaep() and derive() from up to `max_threads`
 *    threads at once, also with the same key. Meanwhile it may open and close other keys. It calls
 * close() of a key once, after all other calls with that key have returned.
 *  - A function may block. The agent kills a host that does not finish a request in time (about a
 *    second) and starts another. So a module needs no time limits of its own, but it must bear
 *    being killed at any moment: it must leave nothing half-done behind.
 */

#ifndef ECRYPTFS_PKI_MODULE_H
#define ECRYPTFS_PKI_MODULE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define ECRYPTFS_PKI_ANY_NUMBER : uint32_t /* any number may come from the other side */
extern "C" {
#else
#define ECRYPTFS_PKI_ANY_NUMBER
#endif

/* Raised when something here changes. The host takes modules of this version and of each since
 * ECRYPTFS_PKI_OLDEST_ABI_VERSION: since then the table has only grown at its end. It refuses
 * others, and its error names the module and the version.
 *   2: `needs`. A module of version 1 counts as one that needs nothing.
 *   3: ECRYPTFS_PKI_NEEDS_TPM.
 *   4: keys of elliptic curves: `decrypt_oaep`, `derive`, and the end of ecryptfs_pki_description,
 *      which an older module leaves as it is: zeros. */
#define ECRYPTFS_PKI_ABI_VERSION 4u
#define ECRYPTFS_PKI_OLDEST_ABI_VERSION 1u

#define ECRYPTFS_PKI_MAX_FILE_KEY 67u     /* bytes to wrap: cipher code 1, key 1..64, checksum 2 */
#define ECRYPTFS_PKI_MAX_WRAPPED_KEY 512u /* bytes wrapped: RSA-4096 */
#define ECRYPTFS_PKI_MAX_EXPONENT 8u      /* bytes of an RSA public exponent */
#define ECRYPTFS_PKI_MAX_POINT 97u        /* bytes of a public key of a curve: P-384 */
#define ECRYPTFS_PKI_MAX_SHARED 48u       /* bytes of a shared secret: P-384 */
#define ECRYPTFS_PKI_MAX_TEXT 256u        /* bytes of a message, its NUL included */
#define ECRYPTFS_PKI_MAX_LOCATOR 4096u    /* bytes of a URI, its NUL included */

/* How a call ended. The numbers are part of the ABI. */
enum ecryptfs_pki_status ECRYPTFS_PKI_ANY_NUMBER {
    ECRYPTFS_PKI_OK = 0,
    ECRYPTFS_PKI_FAILED = 1,            /* none of the others applies; see the message */
    ECRYPTFS_PKI_INVALID_LOCATOR = 2,   /* the module does not know this form of locator */
    ECRYPTFS_PKI_NOT_FOUND = 3,         /* no such file, token or object */
    ECRYPTFS_PKI_ACCESS_DENIED = 4,     /* it exists, but this user may not use it */
    ECRYPTFS_PKI_INVALID_KEY = 5,       /* it exists, but cannot be used: not RSA, too large … */
    ECRYPTFS_PKI_SECRET_REQUIRED = 6,   /* open() needs a secret and got none */
    ECRYPTFS_PKI_WRONG_SECRET = 7,      /* open() got a wrong secret */
    ECRYPTFS_PKI_SECRET_LOCKED_OUT = 8, /* the token takes no further attempts (now or ever) */
    ECRYPTFS_PKI_DECRYPT_FAILED = 9,    /* decrypt(): the bytes were not wrapped for this key */
    ECRYPTFS_PKI_TOKEN_REMOVED = 10,    /* the token was removed; open() again later */
    ECRYPTFS_PKI_NOT_SUPPORTED = 11,    /* the device or library cannot do this */
    ECRYPTFS_PKI_NO_LOCKED_MEMORY = 12, /* the process's memory-lock limit is used up */
    ECRYPTFS_PKI_SECRET_AT_DEVICE =
        13,                          /* open() with NULL: the PIN is typed on the device itself */
    ECRYPTFS_PKI_ALREADY_EXISTS = 14 /* generate(): the name is taken */
};

/* Why a call failed: one line each, NUL-terminated, UTF-8, no full stop at the end. The host passes
 * it zeroed. `advice` may stay empty. */
struct ecryptfs_pki_error {
    char message[ECRYPTFS_PKI_MAX_TEXT];
    char advice[ECRYPTFS_PKI_MAX_TEXT];
};

/* A passphrase or PIN: `size` bytes of any value, without a NUL at the end, in locked memory of the
 * host. Valid during the call only. If `size` is 0, there is no secret, but a person waits: a
 * device with its own PIN pad may ask for the PIN. Without such a pad, return
 * ECRYPTFS_PKI_SECRET_REQUIRED if a secret is needed. */
struct ecryptfs_pki_secret {
    const uint8_t* data;
    size_t size;
};

/* What a key is to be opened for. */
enum ecryptfs_pki_use ECRYPTFS_PKI_ANY_NUMBER {
    /* encrypt() only. Must not ask for a secret if the public half can be read without one, and
     * must not keep the private half. ECRYPTFS_PKI_SECRET_REQUIRED if it cannot be read. */
    ECRYPTFS_PKI_USE_PUBLIC = 1,
    /* All that the key can do. Must check the secret: a wrong one fails here, not later. */
    ECRYPTFS_PKI_USE_PRIVATE = 2
};

/* The curve of a key, and the hash of OAEP. */
enum ecryptfs_pki_curve ECRYPTFS_PKI_ANY_NUMBER {
    ECRYPTFS_PKI_NO_CURVE = 0, /* an RSA key */
    ECRYPTFS_PKI_P256 = 2,
    ECRYPTFS_PKI_P384 = 3,
    ECRYPTFS_PKI_X25519 = 4
};
enum ecryptfs_pki_oaep_hash ECRYPTFS_PKI_ANY_NUMBER {
    ECRYPTFS_PKI_OAEP_SHA1 = 1,
    ECRYPTFS_PKI_OAEP_SHA256 = 2
};

/* The public half of an open key: RSA numbers, or a curve and a point. Numbers are big-endian,
 * without leading zeros. The host computes the key's signature from them, so they must be those of
 * the key itself. */
struct ecryptfs_pki_description {
    uint8_t modulus[ECRYPTFS_PKI_MAX_WRAPPED_KEY];
    size_t modulus_size; /* bytes, 128 to 512; 0 for a key of a curve */
    uint8_t exponent[ECRYPTFS_PKI_MAX_EXPONENT];
    size_t exponent_size; /* bytes, 1 to 8; 0 for a key of a curve */
    /* One line on something that the user should know although the key works, such as a modulus of
     * 1,024 bits. Empty if there is nothing. */
    char warning[ECRYPTFS_PKI_MAX_TEXT];
    /* The locator to open the key by from now on, or empty: the one that open() got. It may hold
     * what open() found out, such as the token's mechanism, so that this is not looked for again.
     * It must not depend on what the key was opened for. */
    char locator[ECRYPTFS_PKI_MAX_LOCATOR];
    /* Since version 4. P-256 and P-384: the byte 4, X, Y, with all their zeros (SEC 1, 2.3.3).
     * X25519: the 32 bytes of RFC 7748. */
    enum ecryptfs_pki_curve curve;
    uint8_t point[ECRYPTFS_PKI_MAX_POINT];
    size_t point_size; /* bytes: 65, 97 or 32; 0 for an RSA key */
};

/* A name and a value, NUL-terminated UTF-8. In a listing, something that people want to know about
 * a token or key. For generate(), an option. Names are lower-case letters, digits and hyphens. */
struct ecryptfs_pki_property {
    const char* name;
    const char* value;
};

/* What list() can be asked for. */
enum ecryptfs_pki_item_kind ECRYPTFS_PKI_ANY_NUMBER {
    ECRYPTFS_PKI_TOKENS = 1, /* what can hold keys: generate() takes the `uri` */
    ECRYPTFS_PKI_KEYS = 2    /* keys that can be used: open() takes the `uri` */
};

struct ecryptfs_pki_item {
    const char* uri;
    const char* label; /* for people; may be empty */
    const struct ecryptfs_pki_property* properties;
    size_t property_count;
};

/* list() calls it for each item. The item is valid during the call only. */
typedef void (*ecryptfs_pki_take_item)(void* context, const struct ecryptfs_pki_item* item);

/* A key that generate() is to make. */
struct ecryptfs_pki_new_key {
    /* Where: the URI of a file, or of a token with the new key's name. The module says which. */
    const char* where;
    uint32_t bits; /* of the modulus: 2,048, 3,072 or 4,096; 0: 3,072, or the device's most */
    const struct ecryptfs_pki_property* options; /* NOT_SUPPORTED, by name, for an unknown one */
    size_t option_count;
    /* The secret for the new key, or the PIN of a token that has one. NULL if there is none. */
    const struct ecryptfs_pki_secret* secret;
};

/* What a module needs beside memory and threads, reading files outside /dev and, to generate a key,
 * writing files. The host takes everything else away from itself and the module: other calls fail
 * with EPERM or EACCES, and the process goes on. */
enum ecryptfs_pki_needs {
    ECRYPTFS_PKI_NEEDS_NETWORK = 1,        /* Internet sockets */
    ECRYPTFS_PKI_NEEDS_LOCAL_SERVICES = 2, /* Unix sockets, System V IPC: pcscd, a bus, a TPM's
                                            * resource manager */
    ECRYPTFS_PKI_NEEDS_DEVICES = 4,        /* to use what is in /dev, except what people see,
                                            * hear and type with; udev's messages */
    ECRYPTFS_PKI_NEEDS_FILES = 8,          /* to make, write and remove files whenever it runs */
    ECRYPTFS_PKI_NEEDS_PROGRAMS = 16,      /* to start programs, with the same limits */
    ECRYPTFS_PKI_NEEDS_TPM = 32            /* the TPM's devices only: /dev/tpm*, /dev/tpmrm* */
};

/* An open key, of a type of the module's own: the host never looks into it. */
struct ecryptfs_pki_key;

struct ecryptfs_pki_module {
    uint32_t abi_version; /* ECRYPTFS_PKI_ABI_VERSION */

    /* The most threads that may use keys at once: 1 for a library that is not thread-safe, 0 for as
     * many as the machine has cores. */
    uint32_t max_threads;

    /* The PKI type: lower-case letters, digits and hyphens, at most 16 bytes. Authentication tokens
     * contain it, and the module's file must be called NAME.so. */
    const char* name;
    const char* version;     /* of the module, for status listings */
    const char* description; /* one line for people, such as: RSA keys in PEM files */

    /* Opens the key that `locator` names, a NUL-terminated URI. `secret` is NULL if there is none.
     * On success *key is the key, which close() ends. */
    enum ecryptfs_pki_status (*open)(const char* locator, const struct ecryptfs_pki_secret* secret,
                                     enum ecryptfs_pki_use use, struct ecryptfs_pki_key** key,
                                     struct ecryptfs_pki_error* error);

    /* Fills `description`, which is zeroed before. No token operation. */
    enum ecryptfs_pki_status (*describe)(struct ecryptfs_pki_key* key,
                                         struct ecryptfs_pki_description* description,
                                         struct ecryptfs_pki_error* error);

    /* Wraps `in` (1 to ECRYPTFS_PKI_MAX_FILE_KEY bytes) into `out`. A key of a curve cannot:
     * ECRYPTFS_PKI_NOT_SUPPORTED, as in decrypt(). *out_size is the room in `out`
     * on entry, at least the modulus's size, and the size written on success. Works in software,
     * with the public half: no token operation, no secret. For other sizes, writes nothing and
     * returns ECRYPTFS_PKI_FAILED. */
    enum ecryptfs_pki_status (*encrypt)(struct ecryptfs_pki_key* key, const uint8_t* in,
                                        size_t in_size, uint8_t* out, size_t* out_size,
                                        struct ecryptfs_pki_error* error);

    /* Unwraps what encrypt() made, here or elsewhere with the same public key. `in_size` may be
     * anything up to ECRYPTFS_PKI_MAX_WRAPPED_KEY. Input that is shorter than the modulus may be a
     * number without its leading zeros: accept it if the library does. *out_size is at least
     * ECRYPTFS_PKI_MAX_FILE_KEY on entry. If it is less, or the key was opened to encrypt only,
     * writes nothing and returns ECRYPTFS_PKI_FAILED. All failures that depend on the bytes are
     * ECRYPTFS_PKI_DECRYPT_FAILED with the same message: anything more precise helps an attacker
     * (Bleichenbacher, Manger). */
    enum ecryptfs_pki_status (*decrypt)(struct ecryptfs_pki_key* key, const uint8_t* in,
                                        size_t in_size, uint8_t* out, size_t* out_size,
                                        struct ecryptfs_pki_error* error);

    /* Wipes and frees. */
    void (*close)(struct ecryptfs_pki_key* key);

    /* Gives `take` all tokens, or all keys that can be seen without a secret, one by one. Leaves
     * out a device that does not answer, but fails if none does. May be NULL. */
    enum ecryptfs_pki_status (*list)(enum ecryptfs_pki_item_kind kind, ecryptfs_pki_take_item take,
                                     void* context, struct ecryptfs_pki_error* error);

    /* Makes a key, completely or not at all, and overwrites nothing. Writes the locator that opens
     * it into `locator` (ECRYPTFS_PKI_MAX_LOCATOR bytes). May take minutes. May be NULL. */
    enum ecryptfs_pki_status (*generate)(const struct ecryptfs_pki_new_key* key, char* locator,
                                         struct ecryptfs_pki_error* error);

    /* Since version 2: the values of enum ecryptfs_pki_needs that apply, or 0. The host reads it
     * once, before it calls any other function. */
    uint32_t needs;

    /* Since version 4. Unwraps by RSA-OAEP with this hash, also in MGF1, and an empty label.
     * `in_size` is the modulus's. *out_size is at least ECRYPTFS_PKI_MAX_WRAPPED_KEY on entry.
     * ECRYPTFS_PKI_NOT_SUPPORTED for a hash that the token lacks, and for a key of a curve. Fails
     * as decrypt() does: one message. May be NULL: not supported. */
    enum ecryptfs_pki_status (*decrypt_oaep)(struct ecryptfs_pki_key* key,
                                             enum ecryptfs_pki_oaep_hash hash, const uint8_t* in,
                                             size_t in_size, uint8_t* out, size_t* out_size,
                                             struct ecryptfs_pki_error* error);

    /* Since version 4. ECDH of this key and the public key `peer`, which is on the same curve, and
     * in the form of ecryptfs_pki_description.point: the host has checked that. Writes the X
     * coordinate that the two share: 32, 48 or 32 bytes, with all its zeros. *out_size is at least
     * ECRYPTFS_PKI_MAX_SHARED on entry. ECRYPTFS_PKI_NOT_SUPPORTED for an RSA key;
     * ECRYPTFS_PKI_DECRYPT_FAILED for a peer that the library or token refuses. May be NULL: not
     * supported. */
    enum ecryptfs_pki_status (*derive)(struct ecryptfs_pki_key* key, const uint8_t* peer,
                                       size_t peer_size, uint8_t* out, size_t* out_size,
                                       struct ecryptfs_pki_error* error);
};

/* The module's one exported symbol. The structure lives as long as the process. The host's main
 * thread calls it before any other function, and before the process uses a cryptographic library,
 * so that a module can set one up. NULL says that the module cannot work here. Start threads later:
 * one that runs when this returns keeps rights that the module did not ask for. The module is never
 * unloaded. */
const struct ecryptfs_pki_module* ecryptfs_pki_get_module(void);

typedef const struct ecryptfs_pki_module* (*ecryptfs_pki_get_module_function)(void);

#ifdef __cplusplus
}
#endif

#endif /* ECRYPTFS_PKI_MODULE_H */
