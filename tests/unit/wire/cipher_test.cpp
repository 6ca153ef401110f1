// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/cipher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/support.h"

namespace ecryptfs::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Ciphers, AreFoundByCode) {
    for (const auto& cipher : ciphers()) {
        EXPECT_EQ(find_cipher(cipher.code), &cipher) << cipher.name;
        EXPECT_TRUE(cipher.takes_key(cipher.smallest_key) && cipher.takes_key(cipher.largest_key));
        EXPECT_FALSE(cipher.takes_key(cipher.smallest_key - 1));
        EXPECT_FALSE(cipher.takes_key(cipher.largest_key + 1));
    }
    EXPECT_EQ(find_cipher(0), nullptr);
    EXPECT_EQ(find_cipher(1), nullptr);  // RSA's
}

TEST(Ciphers, HaveEachNameOnce) {
    EXPECT_THAT(cipher_names(),
                ElementsAre("aes", "blowfish", "des3_ede", "twofish", "cast6", "cast5"));
}

// What ecryptfs_parse_options() hands to the kernel's ciphers of these names.
TEST(Ciphers, KeySizesAreTheKernels) {
    EXPECT_THAT(key_sizes("aes"), ElementsAre(16, 24, 32));
    EXPECT_THAT(key_sizes("blowfish"), ElementsAre(16, 24, 32, 56));
    EXPECT_THAT(key_sizes("des3_ede"), ElementsAre(24));
    EXPECT_THAT(key_sizes("twofish"), ElementsAre(16, 24, 32));
    EXPECT_THAT(key_sizes("cast6"), ElementsAre(16, 24, 32));
    EXPECT_THAT(key_sizes("cast5"), ElementsAre(16));
    EXPECT_THAT(key_sizes("AES"), IsEmpty());
    EXPECT_THAT(key_sizes(""), IsEmpty());
}

}  // namespace
}  // namespace ecryptfs::wire
