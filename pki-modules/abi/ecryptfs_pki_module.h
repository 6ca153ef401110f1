/* SPDX-License-Identifier: Apache-2.0
 *
 * The interface of a PKI module of ecryptfs-agent.
 *
 * A module knows how to use one kind of private key: a key file, an object on a smart card, a key
 * in the TPM. It is a shared object NAME.so in the module directory (pkg-config variable
 * moduledir) that exports exactly one symbol, ecryptfs_pki_get_module(). ecryptfs-pki-host loads
 * it, a process or more a module, and calls it as told by the agent. The user names a module with
 * `ecryptfsctl add-key --module NAME`. docs/writing-a-pki-module.md walks through one.
 *
 * What a module does: it wraps and unwraps file keys by RSA. A file key is at most
 * ECRYPTFS_PKI_MAX_FILE_KEY bytes; the wrapped one has the size of the RSA modulus, at most
 * ECRYPTFS_PKI_MAX_WRAPPED_KEY bytes, as the kernel takes no more. What is in a file key, and what
 * becomes of it, is no concern of a module.
 *
 * Rules for every function:
 *  - Return a status; on anything but ECRYPTFS_PKI_OK also fill `error`, so that its message names
 *    what is wrong (a file, a token, the property that does not fit) and its advice what the user
 *    can do. Never put a secret, or bytes of a key, in either.
 *  - Do not let a C++ exception out, do not call exit(), do not write to stdout or stderr, do not
 *    ask the user for anything: a secret comes with open() or not at all.
 *  - File keys, secrets and private keys are wiped before their memory is given back, and never
 *    logged.
 *  - The host may call encrypt() and decrypt() from up to `max_threads` threads at once, also with
 *    the same key, while open() and close() of other keys run; close() of a key is called once,
 *    after the last other call with it has returned.
 *  - A function may block, but the agent kills a host that holds a request beyond its deadline
 *    (about a second) and starts another: a module needs no time-outs of its own, and must leave
 *    nothing behind that a killed process would spoil.
 */

#ifndef ECRYPTFS_PKI_MODULE_H
#define ECRYPTFS_PKI_MODULE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define ECRYPTFS_PKI_ANY_NUMBER : uint32_t /* whatever number the other side gives is a value */
extern "C" {
#else
#define ECRYPTFS_PKI_ANY_NUMBER
#endif

/* Raised when something here changes. The host takes modules of this version and of those since
 * ECRYPTFS_PKI_OLDEST_ABI_VERSION, after which the table only grew at its end; it refuses others,
 * by name and number.
 *   2: `needs`. A module of version 1 says of nothing that it needs it.
 *   3: ECRYPTFS_PKI_NEEDS_TPM. */
#define ECRYPTFS_PKI_ABI_VERSION 3u
#define ECRYPTFS_PKI_OLDEST_ABI_VERSION 1u

#define ECRYPTFS_PKI_MAX_FILE_KEY 67u     /* bytes to wrap: cipher code 1, key 1..64, checksum 2 */
#define ECRYPTFS_PKI_MAX_WRAPPED_KEY 512u /* bytes wrapped: RSA-4096 */
#define ECRYPTFS_PKI_MAX_EXPONENT 8u      /* bytes of an RSA public exponent */
#define ECRYPTFS_PKI_MAX_TEXT 256u        /* bytes of a message, its NUL included */
#define ECRYPTFS_PKI_MAX_LOCATOR 4096u    /* bytes of a URI, its NUL included */

/* How a call ended. The numbers are part of the ABI. */
enum ecryptfs_pki_status ECRYPTFS_PKI_ANY_NUMBER {
    ECRYPTFS_PKI_OK = 0,
    ECRYPTFS_PKI_FAILED = 1,            /* none of the others fits; the message says what */
    ECRYPTFS_PKI_INVALID_LOCATOR = 2,   /* the locator is not of the module's form */
    ECRYPTFS_PKI_NOT_FOUND = 3,         /* no such file, token or object */
    ECRYPTFS_PKI_ACCESS_DENIED = 4,     /* there, but this user may not read or use it */
    ECRYPTFS_PKI_INVALID_KEY = 5,       /* there, but no key that can serve: not RSA, too large … */
    ECRYPTFS_PKI_SECRET_REQUIRED = 6,   /* open() without a secret, where one is needed */
    ECRYPTFS_PKI_WRONG_SECRET = 7,      /* open() with a secret that does not fit */
    ECRYPTFS_PKI_SECRET_LOCKED_OUT = 8, /* the token takes no further attempts (now or ever) */
    ECRYPTFS_PKI_DECRYPT_FAILED = 9,    /* decrypt(): the bytes were not wrapped for this key */
    ECRYPTFS_PKI_TOKEN_REMOVED = 10,    /* the token was there and is gone; open() again later */
    ECRYPTFS_PKI_NOT_SUPPORTED = 11,    /* the device or library cannot do this */
    ECRYPTFS_PKI_NO_LOCKED_MEMORY = 12, /* the process's memory-lock limit is used up */
    ECRYPTFS_PKI_SECRET_AT_DEVICE =
        13,                          /* open() with NULL: the PIN is typed on the device itself */
    ECRYPTFS_PKI_ALREADY_EXISTS = 14 /* generate(): there is something of that name */
};

/* Why a call failed: one line each, NUL-terminated, UTF-8, no full stop at the end. The host hands
 * it in zeroed. `advice` may stay empty. */
struct ecryptfs_pki_error {
    char message[ECRYPTFS_PKI_MAX_TEXT];
    char advice[ECRYPTFS_PKI_MAX_TEXT];
};

/* A passphrase or PIN: `size` bytes, no NUL at the end, may hold any byte. In locked memory of the
 * host; valid during the call only. One of no bytes says that there is none but a person waits, so
 * that a device with a PIN pad of its own may ask: SECRET_REQUIRED where a secret is needed and
 * there is no such pad. */
struct ecryptfs_pki_secret {
    const uint8_t* data;
    size_t size;
};

/* What a key is to be opened for. */
enum ecryptfs_pki_use ECRYPTFS_PKI_ANY_NUMBER {
    /* encrypt() only. Must not need a secret where the public half can be had without one, and must
     * not keep the private half. ECRYPTFS_PKI_SECRET_REQUIRED where it cannot be had. */
    ECRYPTFS_PKI_USE_PUBLIC = 1,
    /* encrypt() and decrypt(). Must prove the secret right: a wrong one fails here, not later. */
    ECRYPTFS_PKI_USE_PRIVATE = 2
};

/* The public half of an open key. Numbers are big-endian, without leading zeros. The agent
 * computes the key's eCryptfs signature from them, so they must be those of the key itself. */
struct ecryptfs_pki_description {
    uint8_t modulus[ECRYPTFS_PKI_MAX_WRAPPED_KEY];
    size_t modulus_size; /* bytes, 128 to 512 */
    uint8_t exponent[ECRYPTFS_PKI_MAX_EXPONENT];
    size_t exponent_size; /* bytes, 1 to 8 */
    /* One line on something the user should know though the key works, such as a modulus of 1,024
     * bits; empty if there is nothing. */
    char warning[ECRYPTFS_PKI_MAX_TEXT];
    /* The locator to open the key by from now on: what was settled when it was opened, such as a
     * mechanism that the token was found to have, is then not looked for again. Empty: the one that
     * open() had. It must not depend on what the key was opened for. */
    char locator[ECRYPTFS_PKI_MAX_LOCATOR];
};

/* A name and a value, NUL-terminated UTF-8: in a listing, what people want to know of a token or a
 * key; for generate(), an option. Names are lower-case letters, digits and hyphens. */
struct ecryptfs_pki_property {
    const char* name;
    const char* value;
};

/* What list() can be asked for. */
enum ecryptfs_pki_item_kind ECRYPTFS_PKI_ANY_NUMBER {
    ECRYPTFS_PKI_TOKENS = 1, /* what can hold keys: `uri` is one that generate() takes */
    ECRYPTFS_PKI_KEYS = 2    /* keys that can serve: `uri` is one that open() takes */
};

struct ecryptfs_pki_item {
    const char* uri;
    const char* label; /* for people; may be empty */
    const struct ecryptfs_pki_property* properties;
    size_t property_count;
};

/* Called by list() for each item; what it is given is valid during the call only. */
typedef void (*ecryptfs_pki_take_item)(void* context, const struct ecryptfs_pki_item* item);

/* A key that generate() is to make. */
struct ecryptfs_pki_new_key {
    /* Where: a file's URI, a token's with the new key's name. The module says which it takes. */
    const char* where;
    uint32_t bits; /* of the modulus: 2,048, 3,072 or 4,096; 0 for 3,072 or the device's most */
    const struct ecryptfs_pki_property* options; /* NOT_SUPPORTED, by name, for an unknown one */
    size_t option_count;
    /* The secret that the key is to have, or for a token that has a PIN of its own, that PIN. NULL
     * if there is none. */
    const struct ecryptfs_pki_secret* secret;
};

/* What a module needs beside memory, threads, the reading of files outside /dev and, to generate,
 * the writing of files: the host takes everything else away from itself and the module. What is
 * refused fails with EPERM or EACCES; the process goes on. */
enum ecryptfs_pki_needs {
    ECRYPTFS_PKI_NEEDS_NETWORK = 1,        /* Internet sockets */
    ECRYPTFS_PKI_NEEDS_LOCAL_SERVICES = 2, /* Unix sockets, System V IPC: pcscd, a bus, a TPM's
                                            * resource manager */
    ECRYPTFS_PKI_NEEDS_DEVICES = 4,        /* what is in /dev, to read and write, but for what
                                            * people see, hear and type by; udev's messages */
    ECRYPTFS_PKI_NEEDS_FILES = 8,          /* to make, write and remove files, also to use keys */
    ECRYPTFS_PKI_NEEDS_PROGRAMS = 16,      /* to start programs, which are bound in the same way */
    ECRYPTFS_PKI_NEEDS_TPM = 32            /* of devices those of the TPM: /dev/tpm*, /dev/tpmrm* */
};

/* An open key: the module's own type, never looked into by the host. */
struct ecryptfs_pki_key;

struct ecryptfs_pki_module {
    uint32_t abi_version; /* ECRYPTFS_PKI_ABI_VERSION */

    /* Most threads that may be in encrypt() and decrypt() at once: 1 for a library that is not
     * thread-safe, 0 for as many as the machine has cores. */
    uint32_t max_threads;

    /* The PKI type: lower-case letters, digits and hyphens, at most 16 bytes. It is written into
     * authentication tokens, and the file's name must be NAME.so. */
    const char* name;
    const char* version;     /* of the module, for status listings */
    const char* description; /* one line for people: "RSA keys in PEM files (OpenSSL)" */

    /* Opens the key that `locator`, a NUL-terminated URI, names. `secret` is NULL if there is none.
     * On success *key is the key, to be closed by close(). */
    enum ecryptfs_pki_status (*open)(const char* locator, const struct ecryptfs_pki_secret* secret,
                                     enum ecryptfs_pki_use use, struct ecryptfs_pki_key** key,
                                     struct ecryptfs_pki_error* error);

    /* Fills `description`, handed in zeroed. No token operation. */
    enum ecryptfs_pki_status (*describe)(struct ecryptfs_pki_key* key,
                                         struct ecryptfs_pki_description* description,
                                         struct ecryptfs_pki_error* error);

    /* Wraps `in` (1 to ECRYPTFS_PKI_MAX_FILE_KEY bytes) into `out`. *out_size is the room in `out`
     * on entry, at least the modulus's size, and the size written on success. In software with the
     * public half: no token operation, no secret. ECRYPTFS_PKI_FAILED, and nothing written, for
     * sizes other than these. */
    enum ecryptfs_pki_status (*encrypt)(struct ecryptfs_pki_key* key, const uint8_t* in,
                                        size_t in_size, uint8_t* out, size_t* out_size,
                                        struct ecryptfs_pki_error* error);

    /* Unwraps what encrypt() made, here or elsewhere with the same public key. `in_size` may be
     * anything up to ECRYPTFS_PKI_MAX_WRAPPED_KEY; shorter than the modulus may be a number without
     * its leading zeros: take it where the library does. *out_size is at least
     * ECRYPTFS_PKI_MAX_FILE_KEY on entry. ECRYPTFS_PKI_FAILED, and nothing written, if it is less,
     * and for a key that was opened to encrypt only. All failures that depend on the bytes are
     * ECRYPTFS_PKI_DECRYPT_FAILED with one and the same message, as anything finer helps an
     * attacker (Bleichenbacher, Manger). */
    enum ecryptfs_pki_status (*decrypt)(struct ecryptfs_pki_key* key, const uint8_t* in,
                                        size_t in_size, uint8_t* out, size_t* out_size,
                                        struct ecryptfs_pki_error* error);

    /* Wipes and frees. */
    void (*close)(struct ecryptfs_pki_key* key);

    /* Gives `take` all tokens, or all keys that can be seen without a secret, one by one. A device
     * that does not answer is left out, unless none does. May be NULL. */
    enum ecryptfs_pki_status (*list)(enum ecryptfs_pki_item_kind kind, ecryptfs_pki_take_item take,
                                     void* context, struct ecryptfs_pki_error* error);

    /* Makes a key, whole or not at all, over nothing that is there, and writes the locator to open
     * it by into `locator` (ECRYPTFS_PKI_MAX_LOCATOR bytes). May take minutes. May be NULL. */
    enum ecryptfs_pki_status (*generate)(const struct ecryptfs_pki_new_key* key, char* locator,
                                         struct ecryptfs_pki_error* error);

    /* Since version 2: those of enum ecryptfs_pki_needs that apply, or 0. Read once, before any
     * other function is called. */
    uint32_t needs;
};

/* The module's one exported symbol. The structure lives as long as the process. Called by the
 * host's main thread before any other function, and before the process uses any cryptographic
 * library, so that a module can set one up; NULL says that the module cannot work here. Threads
 * are for later: those that run when this returns keep some of what the module did not ask for.
 * The module is never unloaded. */
const struct ecryptfs_pki_module* ecryptfs_pki_get_module(void);

typedef const struct ecryptfs_pki_module* (*ecryptfs_pki_get_module_function)(void);

#ifdef __cplusplus
}
#endif

#endif /* ECRYPTFS_PKI_MODULE_H */
