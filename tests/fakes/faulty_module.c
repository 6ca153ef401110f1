/* SPDX-License-Identifier: Apache-2.0
 *
 * A PKI module that protects nothing and misbehaves as its locator says, for tests of what the
 * agent makes of that. A locator is faulty:BEHAVIOUR or faulty:BEHAVIOUR?ARGUMENT; each is a key of
 * its own. Behaviours:
 *
 *   ok                  does what it should
 *   secret              the same, once it is opened with the secret "open sesame"
 *   pad?FILE            the same, once its secret was typed at the device: appends a byte to the
 *                       file for each time that somebody is asked to
 *   closed?FILE         the same, and appends a byte to the file when it is closed
 *   slow?MILLISECONDS   decrypts as late as that
 *   counted?FILE        decrypts 0.2 s late and appends a byte to the file
 *   hang                never returns from decrypt()
 *   hang-once?FLAG      the same, if the file FLAG is there; takes it away first
 *   crash               decrypt() ends the process by a signal
 *   crash-once?FLAG     the same, if the file FLAG is there; takes it away first
 *   exit                decrypt() ends the process by exit()
 *   crash-on-open       open() ends the process by a signal
 *   no-output           decrypt() gives no bytes
 *   short-output        decrypt() gives the file key but for its last byte
 *   large-output        decrypt() gives a thousand bytes
 *   lies-on-size        decrypt() says that it wrote more than there was room for
 *   wrong-output        decrypt() gives a file key whose checksum is wrong
 *   unknown-status      decrypt() fails with a number that is no status
 *   endless-message     decrypt() fails with texts that have no end
 *   no-modulus          describe() gives no modulus
 *   curve               a key of P-256: derive() takes any peer and gives 32 bytes, all ones
 *   curve-zeros         the same, but all zeros
 *   curve-short         the same, but 31 bytes
 *   curve-off           describe() gives a point that is not on the curve
 *   tries-WHAT?ARGUMENT decrypt() does what trespasses.h has by that name, and fails with
 *                       ACCESS_DENIED if it cannot
 *
 * It says that it needs everything, in the newest version of the interface, unless the environment
 * variables ECRYPTFS_FAULTY_NEEDS and ECRYPTFS_FAULTY_ABI_VERSION have other numbers.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ecryptfs_pki_module.h"
#include "trespasses.h"

enum { MODULUS_SIZE = 128, MASK = 0x5a, LARGE_OUTPUT = 1000 };

struct ecryptfs_pki_key {
    char locator[512];
    const char* argument; /* what follows the question mark, or "" */
};

static enum ecryptfs_pki_status fail(struct ecryptfs_pki_error* error,
                                     enum ecryptfs_pki_status status, const char* message) {
    snprintf(error->message, sizeof error->message, "%s", message);
    return status;
}

static int behaves(const struct ecryptfs_pki_key* key, const char* name) {
    const char* behaviour = key->locator + sizeof "faulty:" - 1;
    const size_t size = strcspn(behaviour, "?");
    return strlen(name) == size && strncmp(behaviour, name, size) == 0;
}

static uint32_t number_in(const char* variable, uint32_t otherwise) {
    const char* text = getenv(variable);
    return text == NULL ? otherwise : (uint32_t)strtoul(text, NULL, 10);
}

static void hang(void) {
    for (;;) {
        pause();
    }
}

static enum ecryptfs_pki_status check_secret(const struct ecryptfs_pki_secret* secret,
                                             struct ecryptfs_pki_error* error) {
    static const char right[] = "open sesame";
    if (secret == NULL) {
        return fail(error, ECRYPTFS_PKI_SECRET_REQUIRED, "the faulty key needs a secret");
    }
    if (secret->size != sizeof right - 1 || memcmp(secret->data, right, secret->size) != 0) {
        return fail(error, ECRYPTFS_PKI_WRONG_SECRET, "that is not the faulty key's secret");
    }
    return ECRYPTFS_PKI_OK;
}

static void sleep_for(long milliseconds) {
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000 * 1000};
    nanosleep(&time, NULL);
}

static void count_in(const char* path) {
    const int file = open(path, O_WRONLY | O_APPEND);
    if (file < 0 || write(file, "+", 1) != 1) {
        abort();
    }
    close(file);
}

/* As a card reader with a pad of its own does. */
static enum ecryptfs_pki_status ask_at_device(const struct ecryptfs_pki_key* key,
                                              const struct ecryptfs_pki_secret* secret,
                                              struct ecryptfs_pki_error* error) {
    if (secret == NULL) {
        return fail(error, ECRYPTFS_PKI_SECRET_AT_DEVICE, "the faulty key has a pad");
    }
    count_in(key->argument);
    return ECRYPTFS_PKI_OK;
}

static enum ecryptfs_pki_status faulty_open(const char* locator,
                                            const struct ecryptfs_pki_secret* secret,
                                            enum ecryptfs_pki_use use,
                                            struct ecryptfs_pki_key** key,
                                            struct ecryptfs_pki_error* error) {
    if (strncmp(locator, "faulty:", 7) != 0) {
        return fail(error, ECRYPTFS_PKI_INVALID_LOCATOR, "the locator is no faulty: URI");
    }
    struct ecryptfs_pki_key* made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fail(error, ECRYPTFS_PKI_FAILED, "out of memory");
    }
    snprintf(made->locator, sizeof made->locator, "%s", locator);
    const char* question_mark = strchr(made->locator, '?');
    made->argument = question_mark == NULL ? "" : question_mark + 1;
    if (behaves(made, "crash-on-open")) {
        abort();
    }
    enum ecryptfs_pki_status status = ECRYPTFS_PKI_OK;
    if (behaves(made, "secret") && use == ECRYPTFS_PKI_USE_PRIVATE) {
        status = check_secret(secret, error);
    }
    if (behaves(made, "pad")) {
        status = ask_at_device(made, secret, error);
    }
    if (status != ECRYPTFS_PKI_OK) {
        free(made);
        return status;
    }
    *key = made;
    return ECRYPTFS_PKI_OK;
}

/* A modulus made of the locator, so that each locator has a signature of its own (FNV-1a). */
static void make_modulus(const char* locator, uint8_t* modulus) {
    uint64_t hash = 0xcbf29ce484222325U;
    for (const char* c = locator; *c != '\0'; ++c) {
        hash = (hash ^ (uint8_t)*c) * 0x100000001b3U;
    }
    for (size_t i = 0; i < MODULUS_SIZE; ++i) {
        modulus[i] = (uint8_t)(hash >> (8 * (i % 8)));
    }
    modulus[0] |= 0x80;
}

/* SEC 2, 2.4.2: the generator of P-256. */
static void describe_curve(const struct ecryptfs_pki_key* key,
                           struct ecryptfs_pki_description* description) {
    static const uint8_t generator[65] = {
        0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
        0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
        0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
        0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
        0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
    memcpy(description->point, generator, sizeof generator);
    description->point_size = sizeof generator;
    description->curve = ECRYPTFS_PKI_P256;
    if (behaves(key, "curve-off")) {
        description->point[1] ^= 1;
    }
}

static enum ecryptfs_pki_status faulty_describe(struct ecryptfs_pki_key* key,
                                                struct ecryptfs_pki_description* description,
                                                struct ecryptfs_pki_error* error) {
    (void)error;
    if (strncmp(key->locator, "faulty:curve", sizeof "faulty:curve" - 1) == 0) {
        describe_curve(key, description);
        return ECRYPTFS_PKI_OK;
    }
    make_modulus(key->locator, description->modulus);
    description->modulus_size = behaves(key, "no-modulus") ? 0 : MODULUS_SIZE;
    description->exponent[0] = 3;
    description->exponent_size = 1;
    return ECRYPTFS_PKI_OK;
}

/* Size, file key, zeros; all under a mask. */
static enum ecryptfs_pki_status faulty_encrypt(struct ecryptfs_pki_key* key, const uint8_t* in,
                                               size_t in_size, uint8_t* out, size_t* out_size,
                                               struct ecryptfs_pki_error* error) {
    (void)key;
    if (in_size > ECRYPTFS_PKI_MAX_FILE_KEY || *out_size < MODULUS_SIZE) {
        return fail(error, ECRYPTFS_PKI_FAILED, "called with wrong sizes");
    }
    memset(out, 0, MODULUS_SIZE);
    out[0] = (uint8_t)in_size;
    memcpy(out + 1, in, in_size);
    for (size_t i = 0; i < MODULUS_SIZE; ++i) {
        out[i] ^= MASK;
    }
    *out_size = MODULUS_SIZE;
    return ECRYPTFS_PKI_OK;
}

/* What happens before an answer, if there is to be one. */
static void misbehave(const struct ecryptfs_pki_key* key) {
    if (behaves(key, "slow")) {
        sleep_for(strtol(key->argument, NULL, 10));
    } else if (behaves(key, "counted")) {
        count_in(key->argument);
        sleep_for(200);
    } else if (behaves(key, "hang") || (behaves(key, "hang-once") && unlink(key->argument) == 0)) {
        hang();
    } else if (behaves(key, "crash") ||
               (behaves(key, "crash-once") && unlink(key->argument) == 0)) {
        abort();
    } else if (behaves(key, "exit")) {
        _exit(0);
    }
}

/* Whether what it tries, if it is to try something, is refused. */
static int tries_and_fails(const struct ecryptfs_pki_key* key, struct ecryptfs_pki_error* error) {
    static const char prefix[] = "faulty:tries-";
    char what[64];
    if (strncmp(key->locator, prefix, sizeof prefix - 1) != 0) {
        return 0;
    }
    snprintf(what, sizeof what, "%s", key->locator + sizeof prefix - 1);
    what[strcspn(what, "?")] = '\0';
    const int failure = trespass(what, key->argument);
    if (failure < 0) {
        abort(); /* a test that misspells it */
    }
    snprintf(error->message, sizeof error->message, "%s: %s", what, strerror(failure));
    return failure != 0;
}

static enum ecryptfs_pki_status spoil(const struct ecryptfs_pki_key* key, uint8_t* out, size_t room,
                                      size_t* out_size, struct ecryptfs_pki_error* error) {
    if (behaves(key, "no-output")) {
        *out_size = 0;
    } else if (behaves(key, "short-output")) {
        *out_size -= 1;
    } else if (behaves(key, "large-output")) {
        *out_size = room < LARGE_OUTPUT ? room : LARGE_OUTPUT;
        memset(out, 0, *out_size);
    } else if (behaves(key, "lies-on-size")) {
        *out_size = 1000 * 1000;
    } else if (behaves(key, "wrong-output")) {
        out[1] ^= 1;
    } else if (behaves(key, "unknown-status")) {
        fail(error, ECRYPTFS_PKI_FAILED, "no such status");
        return (enum ecryptfs_pki_status)77;
    } else if (behaves(key, "endless-message")) {
        memset(error->message, '\n', sizeof error->message);
        memset(error->advice, 0xff, sizeof error->advice);
        return ECRYPTFS_PKI_FAILED;
    }
    return ECRYPTFS_PKI_OK;
}

static enum ecryptfs_pki_status faulty_decrypt(struct ecryptfs_pki_key* key, const uint8_t* in,
                                               size_t in_size, uint8_t* out, size_t* out_size,
                                               struct ecryptfs_pki_error* error) {
    const size_t room = *out_size;
    misbehave(key);
    if (tries_and_fails(key, error)) {
        return ECRYPTFS_PKI_ACCESS_DENIED;
    }
    const size_t size = in_size == MODULUS_SIZE ? in[0] ^ MASK : 0;
    if (size == 0 || size > ECRYPTFS_PKI_MAX_FILE_KEY || size > room) {
        return fail(error, ECRYPTFS_PKI_DECRYPT_FAILED, "the bytes were not wrapped for this key");
    }
    for (size_t i = 0; i < size; ++i) {
        out[i] = in[1 + i] ^ MASK;
    }
    *out_size = size;
    return spoil(key, out, room, out_size, error);
}

/* A module of an older version has other things there: the host must not look. */
static void check_version(void) {
    if (number_in("ECRYPTFS_FAULTY_ABI_VERSION", ECRYPTFS_PKI_ABI_VERSION) < 4) {
        abort();
    }
}

static enum ecryptfs_pki_status faulty_decrypt_oaep(struct ecryptfs_pki_key* key,
                                                    enum ecryptfs_pki_oaep_hash hash,
                                                    const uint8_t* in, size_t in_size, uint8_t* out,
                                                    size_t* out_size,
                                                    struct ecryptfs_pki_error* error) {
    (void)hash;
    check_version();
    return faulty_decrypt(key, in, in_size, out, out_size, error);
}

static enum ecryptfs_pki_status faulty_derive(struct ecryptfs_pki_key* key, const uint8_t* peer,
                                              size_t peer_size, uint8_t* out, size_t* out_size,
                                              struct ecryptfs_pki_error* error) {
    (void)peer;
    (void)peer_size;
    (void)error;
    check_version();
    *out_size = behaves(key, "curve-short") ? 31 : 32;
    memset(out, behaves(key, "curve-zeros") ? 0 : 0xff, *out_size);
    return ECRYPTFS_PKI_OK;
}

static void faulty_close(struct ecryptfs_pki_key* key) {
    if (behaves(key, "closed")) {
        count_in(key->argument);
    }
    free(key);
}

__attribute__((visibility("default"))) const struct ecryptfs_pki_module* ecryptfs_pki_get_module(
    void) {
    static struct ecryptfs_pki_module module = {
        .max_threads = 0,
        .name = "faulty",
        .version = "1",
        .description = "Faults on demand, for tests",
        .open = faulty_open,
        .describe = faulty_describe,
        .encrypt = faulty_encrypt,
        .decrypt = faulty_decrypt,
        .close = faulty_close,
        .decrypt_oaep = faulty_decrypt_oaep,
        .derive = faulty_derive,
    };
    module.abi_version = number_in("ECRYPTFS_FAULTY_ABI_VERSION", ECRYPTFS_PKI_ABI_VERSION);
    module.needs = number_in("ECRYPTFS_FAULTY_NEEDS", UINT32_MAX);
    return &module;
}
