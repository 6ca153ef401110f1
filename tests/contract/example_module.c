/* SPDX-License-Identifier: Apache-2.0
 *
 * A PKI module that protects NOTHING: it "wraps" a file key by XOR with a constant. It shows, in
 * plain C and without any library, what a module has to do; tests use it as a module that costs
 * nothing. docs/writing-a-pki-module.md goes through it.
 *
 * Its keys are the letters a to z: example:a, example:b …
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ecryptfs_pki_module.h"

enum { MODULUS_SIZE = 128, CHECKSUM_SIZE = 2 };

/* The host knows no more of it than that it is a struct ecryptfs_pki_key. */
struct ecryptfs_pki_key {
    uint8_t mask; /* 0x80 for a, 0x81 for b … */
    int may_decrypt;
};

static enum ecryptfs_pki_status fail(struct ecryptfs_pki_error* error,
                                     enum ecryptfs_pki_status status, const char* message,
                                     const char* advice) {
    snprintf(error->message, sizeof error->message, "%s", message);
    snprintf(error->advice, sizeof error->advice, "%s", advice);
    return status;
}

static enum ecryptfs_pki_status example_open(const char* locator,
                                             const struct ecryptfs_pki_secret* secret,
                                             enum ecryptfs_pki_use use,
                                             struct ecryptfs_pki_key** key,
                                             struct ecryptfs_pki_error* error) {
    static const char scheme[] = "example:";
    const size_t scheme_size = sizeof scheme - 1;
    (void)secret; /* these keys have none; one that is not needed is no error */
    if (strncmp(locator, scheme, scheme_size) != 0) {
        return fail(error, ECRYPTFS_PKI_INVALID_LOCATOR, "the locator is no example: URI",
                    "name a key as example:a");
    }
    const char name = locator[scheme_size];
    if (name < 'a' || name > 'z' || locator[scheme_size + 1] != '\0') {
        return fail(error, ECRYPTFS_PKI_NOT_FOUND, "there is no such example key",
                    "name one of example:a to example:z");
    }
    *key = malloc(sizeof **key);
    if (*key == NULL) {
        return fail(error, ECRYPTFS_PKI_FAILED, "out of memory", "");
    }
    (*key)->mask = (uint8_t)(0x80 + (name - 'a'));
    (*key)->may_decrypt = use == ECRYPTFS_PKI_USE_PRIVATE;
    return ECRYPTFS_PKI_OK;
}

/* A real module gives the numbers of the RSA key; these are made up, one modulus a letter. */
static enum ecryptfs_pki_status example_describe(struct ecryptfs_pki_key* key,
                                                 struct ecryptfs_pki_description* description,
                                                 struct ecryptfs_pki_error* error) {
    (void)error;
    memset(description->modulus, key->mask, MODULUS_SIZE);
    description->modulus_size = MODULUS_SIZE;
    description->exponent[0] = 3;
    description->exponent_size = 1;
    snprintf(description->warning, sizeof description->warning,
             "the module example protects nothing: it is for tests");
    return ECRYPTFS_PKI_OK;
}

static unsigned checksum(const uint8_t* bytes) {
    unsigned sum = 0;
    for (size_t i = 0; i < MODULUS_SIZE - CHECKSUM_SIZE; ++i) {
        sum += bytes[i];
    }
    return sum;
}

static void apply_mask(uint8_t* bytes, uint8_t mask) {
    for (size_t i = 0; i < MODULUS_SIZE; ++i) {
        bytes[i] ^= mask;
    }
}

/* Size, file key, zeros, checksum; all under the mask. */
static enum ecryptfs_pki_status example_encrypt(struct ecryptfs_pki_key* key, const uint8_t* in,
                                                size_t in_size, uint8_t* out, size_t* out_size,
                                                struct ecryptfs_pki_error* error) {
    if (in_size == 0 || in_size > ECRYPTFS_PKI_MAX_FILE_KEY || *out_size < MODULUS_SIZE) {
        return fail(error, ECRYPTFS_PKI_FAILED, "called with sizes that the interface rules out",
                    "");
    }
    memset(out, 0, MODULUS_SIZE);
    out[0] = (uint8_t)in_size;
    memcpy(out + 1, in, in_size);
    const unsigned sum = checksum(out);
    out[MODULUS_SIZE - 2] = (uint8_t)(sum >> 8);
    out[MODULUS_SIZE - 1] = (uint8_t)sum;
    apply_mask(out, key->mask);
    *out_size = MODULUS_SIZE;
    return ECRYPTFS_PKI_OK;
}

/* The size of the file key in a block without its mask; 0 for what encrypt() did not make. */
static size_t file_key_size(const uint8_t* block) {
    const size_t size = block[0];
    const unsigned sum = block[MODULUS_SIZE - 2] * 256U + block[MODULUS_SIZE - 1];
    if (size > ECRYPTFS_PKI_MAX_FILE_KEY || sum != checksum(block)) {
        return 0;
    }
    for (size_t i = 1 + size; i < MODULUS_SIZE - CHECKSUM_SIZE; ++i) {
        if (block[i] != 0) {
            return 0;
        }
    }
    return size;
}

static enum ecryptfs_pki_status example_decrypt(struct ecryptfs_pki_key* key, const uint8_t* in,
                                                size_t in_size, uint8_t* out, size_t* out_size,
                                                struct ecryptfs_pki_error* error) {
    uint8_t block[MODULUS_SIZE];
    size_t size = 0;
    if (!key->may_decrypt || *out_size < ECRYPTFS_PKI_MAX_FILE_KEY) {
        return fail(error, ECRYPTFS_PKI_FAILED, "called in a way that the interface rules out", "");
    }
    if (in_size == MODULUS_SIZE) {
        memcpy(block, in, sizeof block);
        apply_mask(block, key->mask);
        size = file_key_size(block);
        memcpy(out, block + 1, size);
        explicit_bzero(block, sizeof block); /* it held a file key */
    }
    if (size == 0) { /* one answer, whatever is wrong with the bytes */
        return fail(error, ECRYPTFS_PKI_DECRYPT_FAILED, "the bytes were not wrapped for this key",
                    "");
    }
    *out_size = size;
    return ECRYPTFS_PKI_OK;
}

static void example_close(struct ecryptfs_pki_key* key) {
    explicit_bzero(key, sizeof *key);
    free(key);
}

__attribute__((visibility("default"))) const struct ecryptfs_pki_module* ecryptfs_pki_get_module(
    void) {
    static const struct ecryptfs_pki_module module = {
        .abi_version = ECRYPTFS_PKI_ABI_VERSION,
        .max_threads = 0, /* as many as there are cores */
        .name = "example",
        .version = "1",
        .description = "No protection at all, for tests",
        .open = example_open,
        .describe = example_describe,
        .encrypt = example_encrypt,
        .decrypt = example_decrypt,
        .close = example_close,
    };
    return &module;
}
