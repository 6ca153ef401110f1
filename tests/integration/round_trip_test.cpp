// SPDX-License-Identifier: Apache-2.0
//
// What the agent is for: a file key wrapped by its answer is unwrapped by its answer, also those
// that ecryptfs-utils wrapped.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "lib/base/hex.h"
#include "lib/wire/packet_length.h"
#include "tests/integration/agent_test.h"
#include "tests/integration/tokens.h"

namespace ecryptfs::test {
namespace {

// A Tag 1 packet of a lower file's header. keystore.c: parse_tag_1_packet.
struct Tag1 {
    std::string signature;
    Bytes encrypted;
};

Tag1 tag1_of(const std::string& vector) {
    std::ifstream file(ECRYPTFS_VECTORS "/" + vector + ".header", std::ios::binary);
    const Bytes header{std::istreambuf_iterator<char>(file), {}};
    base::ByteReader reader(header);
    reader.take(26);
    EXPECT_EQ(reader.take_native<std::uint8_t>(), 1);
    const auto size = base::value_or_throw(wire::take_packet_length(reader));
    reader.take(1);  // version
    const auto signature = reader.take(8).value();
    reader.take(1);  // algorithm
    const auto encrypted = reader.take(size - 10).value();
    return {base::to_hex(signature), {encrypted.begin(), encrypted.end()}};
}

// What ecryptfs-utils' openssl module keeps: path and passphrase, counted and with a NUL.
std::string legacy_blob(const std::string& path, const std::string& passphrase) {
    std::string blob;
    for (const auto& text : {path, passphrase}) {
        const auto size = text.size() + 1;
        blob += static_cast<char>(size & 0xff);
        blob += static_cast<char>(size >> 8);
        blob += text + '\0';
    }
    return blob;
}

class RoundTrip : public AgentTest {};

TEST_F(RoundTrip, FileKeysOfEachSizeRoundTrip) {
    start_agent();
    const auto signature = add_k2048();
    EXPECT_EQ(signature, kK2048Signature);
    for (const std::size_t size : {16, 24, 32, 1, 64}) {
        expect_round_trip(signature, size);
    }
    const auto counts = queue();
    EXPECT_EQ(counts["received"], 10);
    EXPECT_EQ(counts["answered"], 10);
    EXPECT_EQ(counts["failed"], 0);
    EXPECT_EQ(counts["in_flight"], 0);
    EXPECT_EQ(key(signature)["answered"], 10);
}

TEST_F(RoundTrip, EcryptfsUtilsFilesOpen) {
    start_agent();
    const std::vector<std::array<std::string, 3>> vectors = {
        {"rsa1024-aes16", "k1024.pem", "secret"},
        {"rsa2048-aes16", "k2048.pem", "secret"},
        {"rsa2048p8-aes32", "k2048p8.pem", "p8secret"}};
    for (const auto& [name, key_file, passphrase] : vectors) {
        const auto [signature, encrypted] = tag1_of(name);
        EXPECT_EQ(add({vector_key(key_file)}, passphrase), signature);
        const auto answer = kernel_.decrypt(signature, encrypted);
        EXPECT_EQ(answer.status, 0) << name;
        const std::size_t fek_size = name.ends_with("aes32") ? 32 : 16;
        EXPECT_EQ(answer.data.size(), 1 + fek_size + 2) << name;
        EXPECT_TRUE(wire::has_valid_checksum(answer.data)) << name;
    }
}

TEST_F(RoundTrip, EcryptfsUtilsTokensAreServed) {
    start_agent();
    const auto [signature, encrypted] = tag1_of("rsa2048-aes16");
    put_token(signature, "openssl", legacy_blob(vector_key("k2048.pem"), "secret"));
    EXPECT_EQ(key(signature)["state"], "unopened");
    EXPECT_EQ(kernel_.decrypt(signature, encrypted).status, 0);
    expect_round_trip(signature);
    EXPECT_EQ(key(signature)["state"], "unlocked");
}

TEST_F(RoundTrip, ReplacedTokenIsNoticed) {
    start_agent();
    const auto a = add({"example:a", "--module", "example"});
    const auto file_key = make_file_key(16);
    const auto encrypted = wrapped(a, file_key);
    // Now the token says that this key is another, which it is not.
    put_token(a, "example", "example:b");
    EXPECT_THAT(kernel_.decrypt(a, encrypted), FailsFor(ErrorCode::kInvalidKey));
    put_token(a, "example", "example:a");
    EXPECT_THAT(kernel_.decrypt(a, encrypted), Gives(file_key));
}

TEST_F(RoundTrip, RequestsOfManyKeysStayApart) {
    start_agent();
    std::map<std::string, Bytes> encrypted;
    std::uint8_t seed = 1;
    for (const std::string name : {"a", "b", "c", "d"}) {
        const auto signature = add({"example:" + name, "--module", "example"});
        encrypted[signature] = wrapped(signature, make_file_key(32, seed++));
    }
    std::vector<std::pair<std::uint32_t, std::uint8_t>> asked;
    for (int round = 0; round < 50; ++round) {
        seed = 1;
        for (const auto& [signature, data] : encrypted) {
            asked.emplace_back(kernel_.ask_to_decrypt(signature, data), seed++);
        }
    }
    std::map<std::uint8_t, Bytes> answers;
    for (const auto& [index, key_number] : asked) {
        const auto answer = kernel_.answer_to(index);
        ASSERT_EQ(answer.status, 0);
        const auto& expected = answers.emplace(key_number, answer.data).first->second;
        EXPECT_EQ(answer.data, expected);
    }
    EXPECT_EQ(answers.size(), 4U);
}

}  // namespace
}  // namespace ecryptfs::test
