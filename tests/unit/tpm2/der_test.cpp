// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/der.h"

#include <gtest/gtest.h>

#include "tests/unit/support.h"

namespace ecryptfs::tpm2_module {
namespace {

using test::hex;
using test::pattern;

std::optional<Bytes> taken(const Bytes& from, std::uint8_t tag) {
    const auto contents = DerReader(from).take(tag);
    return contents ? std::optional(test::copy(*contents)) : std::nullopt;
}

TEST(DerReader, ReadsElementsInOrder) {
    const auto bytes = hex("0201 05  0403 aabbcc  0101 ff");
    DerReader reader(bytes);
    EXPECT_TRUE(reader.has_next(kDerInteger));
    EXPECT_EQ(reader.take_uint32(), 5U);
    EXPECT_EQ(test::copy(reader.take(kDerOctetString).value()), hex("aabbcc"));
    EXPECT_TRUE(reader.take(kDerBoolean));
    EXPECT_TRUE(reader.empty());
    EXPECT_FALSE(reader.has_next(kDerBoolean));
    EXPECT_FALSE(reader.take(kDerBoolean));
}

TEST(DerReader, TakesNothingAtOtherTag) {
    const auto bytes = hex("0401 aa");
    DerReader reader(bytes);
    EXPECT_FALSE(reader.take(kDerInteger));
    EXPECT_FALSE(reader.take_uint32());
    EXPECT_EQ(test::copy(reader.take(kDerOctetString).value()), hex("aa"));
}

TEST(DerReader, ReadsLengthsOfOneTwoAndThreeBytes) {
    for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65535U}) {
        const auto contents = pattern(size);
        const auto element = der(kDerOctetString, contents);
        EXPECT_EQ(element.size(), size + (size < 128 ? 2 : size < 256 ? 3 : 4));
        EXPECT_EQ(taken(element, kDerOctetString), contents) << size;
    }
}

TEST(DerReader, RefusesLengthBeyondTheEnd) {
    for (const auto* bytes :
         {"04", "0402 aa", "0481", "0481 02 aa", "0482 0001", "0482 0002 aa", "0482 ffff aa"}) {
        EXPECT_FALSE(taken(hex(bytes), kDerOctetString)) << bytes;
    }
}

TEST(DerReader, RefusesIndefiniteAndLongLengths) {
    for (const auto* bytes : {"0480 aa 0000", "0483 000001 aa", "04ff aa"}) {
        EXPECT_FALSE(taken(hex(bytes), kDerOctetString)) << bytes;
    }
}

TEST(DerNumber, RoundTrips) {
    for (const std::uint32_t number :
         {0U, 1U, 127U, 128U, 255U, 256U, 0x40000001U, 0x7fffffffU, 0x81000001U, 0xffffffffU}) {
        const auto bytes = der_uint32(number);
        EXPECT_EQ(DerReader(bytes).take_uint32(), number);
    }
}

TEST(DerNumber, HasShortestNonNegativeForm) {
    EXPECT_EQ(der_uint32(0), hex("0201 00"));
    EXPECT_EQ(der_uint32(127), hex("0201 7f"));
    EXPECT_EQ(der_uint32(128), hex("0202 0080"));
    EXPECT_EQ(der_uint32(0x81000001), hex("0205 0081000001"));
}

TEST(DerNumber, NegativeHandleHasTheSameBits) {
    EXPECT_EQ(DerReader(hex("0204 81000001")).take_uint32(), 0x81000001U);
    EXPECT_EQ(DerReader(hex("0201 ff")).take_uint32(), 0xffffffffU);
}

TEST(DerNumber, MoreThan32BitsAreRefused) {
    for (const auto* bytes :
         {"0200", "0205 0100000000", "0206 000100000000", "0205 ff7fffffff", "0202 01"}) {
        const auto number = hex(bytes);
        DerReader reader(number);
        EXPECT_FALSE(reader.take_uint32()) << bytes;
        EXPECT_TRUE(reader.has_next(kDerInteger)) << bytes;  // nothing was taken
    }
}

}  // namespace
}  // namespace ecryptfs::tpm2_module
