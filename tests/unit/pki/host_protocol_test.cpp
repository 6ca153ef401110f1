// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/host_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/public_keys.h"
#include "tests/unit/support.h"

namespace ecryptfs::pki {
namespace {

using base::EntryAtDevice;
using base::ErrorCode;
using base::FileKeyOperation;
using base::NoSecret;
using base::TypedSecret;
using test::Bytes;
using test::copy;
using test::FailsWith;
using test::pattern;
using test::Succeeds;

template <typename Message>
Bytes encoded(const Message& message) {
    Bytes buffer(kMaxHostMessage);
    const auto packet = encode(message, buffer);
    EXPECT_THAT(packet, Succeeds());
    return copy(packet.value_or(base::ByteView{}));
}

// The message in `packet`, which must be of this kind.
template <typename Message>
Message to_host(const Bytes& packet) {
    const auto message = decode_to_host(packet);
    EXPECT_THAT(message, Succeeds());
    return std::get<Message>(*message);
}

template <typename Message>
Message from_host(const Bytes& packet) {
    const auto message = decode_from_host(packet);
    EXPECT_THAT(message, Succeeds());
    return std::get<Message>(*message);
}

std::vector<Bytes> messages_to_host() {
    static const Bytes data = pattern(67);
    return {
        encoded(ToHost(OpenKey{1, 2, KeyUse::kPublic, "file:///k", TypedSecret{data}})),
        encoded(ToHost(OpenKey{1, 2, KeyUse::kPrivate, "", {}})),
        encoded(ToHost(CloseKey{7})),
        encoded(ToHost(KeyOperation{3, 4, FileKeyOperation::kEncrypt, data})),
        encoded(ToHost(UnwrapOaep{3, 4, OaepDigest::kSha256, data})),
        encoded(ToHost(DeriveSecret{3, 4, data})),
        encoded(ToHost(ListItems{5, ItemKind::kTokens})),
        encoded(ToHost(MakeKey{6, 2048, "file:///k", {{"pcrs", "sha256:7"}}, TypedSecret{data}}))};
}

std::vector<Bytes> messages_from_host() {
    static const Bytes data = pattern(67);
    const Refusal why{ErrorCode::kCancelled, "message", "advice"};
    return {encoded(FromHost(Hello{1, 2, "name", "version", "description"})),
            encoded(FromHost(why)),
            encoded(FromHost(
                Opened{5, "0123456789abcdef", "warning", "file:/k", test::some_rsa_key()})),
            encoded(FromHost(Done{6, data})),
            encoded(FromHost(Failed{7, why})),
            encoded(FromHost(Item{8, "pkcs11:token=t", "t", {{"model", "m"}}})),
            encoded(FromHost(Closed{9}))};
}

TEST(HostProtocol, CarriesOpenWithSecret) {
    const Bytes secret = pattern(4096);
    const std::string locator(kMaxLocator, 'x');
    const auto packet =
        encoded(ToHost(OpenKey{7, 9, KeyUse::kPublic, locator, TypedSecret{secret}}));
    const auto message = to_host<OpenKey>(packet);
    EXPECT_EQ(message.id, 7U);
    EXPECT_EQ(message.key, 9U);
    EXPECT_EQ(message.use, KeyUse::kPublic);
    EXPECT_EQ(message.locator, locator);
    EXPECT_EQ(copy(std::get<TypedSecret>(message.secret).bytes), secret);
}

TEST(HostProtocol, DistinguishesNoSecretFromEntryAtDevice) {
    const auto none = encoded(ToHost(OpenKey{1, 1, KeyUse::kPrivate, "x:", NoSecret{}}));
    const auto waiting = encoded(ToHost(OpenKey{1, 1, KeyUse::kPrivate, "x:", EntryAtDevice{}}));
    EXPECT_TRUE(std::holds_alternative<NoSecret>(to_host<OpenKey>(none).secret));
    EXPECT_TRUE(std::holds_alternative<EntryAtDevice>(to_host<OpenKey>(waiting).secret));
}

TEST(HostProtocol, CarriesOperationsAndResults) {
    const Bytes input = pattern(512);
    const auto asked = encoded(ToHost(KeyOperation{~0ULL, 3, FileKeyOperation::kDecrypt, input}));
    const auto operation = to_host<KeyOperation>(asked);
    EXPECT_EQ(operation.id, ~0ULL);
    EXPECT_EQ(operation.key, 3U);
    EXPECT_EQ(operation.action, FileKeyOperation::kDecrypt);
    EXPECT_EQ(copy(operation.input), input);
    EXPECT_EQ(to_host<CloseKey>(encoded(ToHost(CloseKey{5}))).key, 5U);
    EXPECT_EQ(from_host<Closed>(encoded(FromHost(Closed{6}))).key, 6U);

    const auto answered = encoded(FromHost(Done{8, input}));
    const auto done = from_host<Done>(answered);
    EXPECT_EQ(done.id, 8U);
    EXPECT_EQ(copy(done.output), input);
}

TEST(HostProtocol, CarriesGreetingAndOpened) {
    const auto packet =
        encoded(FromHost(Hello{1, 64, "openssl", "0.1.0", "RSA keys in PEM files"}));
    const auto hello = from_host<Hello>(packet);
    EXPECT_EQ(hello.protocol_version, 1U);
    EXPECT_EQ(hello.threads, 64U);
    EXPECT_EQ(hello.name, "openssl");
    EXPECT_EQ(hello.version, "0.1.0");
    EXPECT_EQ(hello.description, "RSA keys in PEM files");

    const auto answered = encoded(
        FromHost(Opened{2, "0123456789abcdef", "few bits", "file:/k", test::some_rsa_key()}));
    const auto opened = from_host<Opened>(answered);
    EXPECT_EQ(opened.id, 2U);
    EXPECT_EQ(opened.signature, "0123456789abcdef");
    EXPECT_EQ(opened.warning, "few bits");
    EXPECT_EQ(opened.locator, "file:/k");
}

TEST(HostProtocol, CarriesOperationsOfFolderKeys) {
    const Bytes input = pattern(256);
    const auto unwrap = encoded(ToHost(UnwrapOaep{1, 2, OaepDigest::kSha1, input}));
    EXPECT_EQ(to_host<UnwrapOaep>(unwrap).id, 1U);
    EXPECT_EQ(to_host<UnwrapOaep>(unwrap).key, 2U);
    EXPECT_EQ(to_host<UnwrapOaep>(unwrap).digest, OaepDigest::kSha1);
    EXPECT_EQ(copy(to_host<UnwrapOaep>(unwrap).input), input);

    const auto derive = encoded(ToHost(DeriveSecret{3, 4, input}));
    EXPECT_EQ(to_host<DeriveSecret>(derive).id, 3U);
    EXPECT_EQ(to_host<DeriveSecret>(derive).key, 4U);
    EXPECT_EQ(copy(to_host<DeriveSecret>(derive).peer), input);
}

PublicKey curve_key(PublicKeyKind kind, std::size_t size) {
    Bytes point = pattern(size);
    point.front() = 4;
    return {kind, {}, {}, std::move(point)};
}

TEST(HostProtocol, CarriesPublicKeys) {
    const Bytes modulus(256, 0xff);
    for (const auto& key :
         {PublicKey{PublicKeyKind::kRsa, modulus, {1, 0, 1}, {}},
          curve_key(PublicKeyKind::kP256, 65), curve_key(PublicKeyKind::kP384, 97),
          curve_key(PublicKeyKind::kX25519, 32)}) {
        const auto packet =
            encoded(FromHost(Opened{1, "0123456789abcdef", "", "", PublicKeyView(key)}));
        EXPECT_EQ(from_host<Opened>(packet).public_key.copy(), key);
    }
}

TEST(HostProtocol, RefusesOddPublicKeys) {
    const Bytes modulus(256, 0xff);
    const PublicKey rsa{PublicKeyKind::kRsa, modulus, {1, 0, 1}, {}};
    std::vector<PublicKey> odd(6, rsa);
    odd[0].modulus.front() = 0;
    odd[1].modulus.resize(127);
    odd[2].modulus.resize(513, 1);
    odd[3].exponent.clear();
    odd[4].exponent.resize(9, 1);
    odd[5].point = {4};
    odd.push_back(curve_key(PublicKeyKind::kP256, 64));
    odd.push_back(curve_key(PublicKeyKind::kP256, 97));
    odd.push_back(curve_key(PublicKeyKind::kP384, 65));
    odd.push_back(curve_key(PublicKeyKind::kX25519, 33));
    odd.push_back({PublicKeyKind::kX25519, {}, {}, {}});
    odd.push_back(curve_key(PublicKeyKind::kP256, 65));
    odd.back().point.front() = 2;
    odd.push_back(curve_key(PublicKeyKind::kP256, 65));
    odd.back().exponent = {3};
    for (const auto& key : odd) {
        Bytes room(kMaxHostMessage);
        const Opened opened{1, "0123456789abcdef", "", "", PublicKeyView(key)};
        EXPECT_FALSE(encode(FromHost(opened), room)) << key.modulus.size() << key.point.size();
    }
    // The decoder looks by itself: the last byte is the point's, here one of P-256.
    const auto key = curve_key(PublicKeyKind::kP256, 65);
    auto packet = encoded(FromHost(Opened{1, "0123456789abcdef", "", "", PublicKeyView(key)}));
    packet[packet.size() - 65] = 3;
    EXPECT_THAT(decode_from_host(packet), FailsWith(ErrorCode::kMalformed, "no such public key"));
}

TEST(HostProtocol, CarriesLists) {
    const auto asked = encoded(ToHost(ListItems{3, ItemKind::kKeys}));
    EXPECT_EQ(to_host<ListItems>(asked).id, 3U);
    EXPECT_EQ(to_host<ListItems>(asked).kind, ItemKind::kKeys);

    const std::string uri(kMaxLocator, 'u');
    const auto listed =
        encoded(FromHost(Item{3, uri, "my card", {{"bits", "2048"}, {"model", ""}}}));
    const auto item = from_host<Item>(listed);
    EXPECT_EQ(item.id, 3U);
    EXPECT_EQ(item.uri, uri);
    EXPECT_EQ(item.label, "my card");
    ASSERT_EQ(item.properties.size(), 2U);
    EXPECT_EQ(item.properties[0].name, "bits");
    EXPECT_EQ(item.properties[0].value, "2048");
    EXPECT_EQ(item.properties[1].name, "model");
    EXPECT_EQ(item.properties[1].value, "");
}

TEST(HostProtocol, CarriesNewKeys) {
    const Bytes secret = pattern(9);
    const auto asked =
        encoded(ToHost(MakeKey{4, 3072, "file:///k", {{"pcrs", "sha256:7"}}, TypedSecret{secret}}));
    const auto message = to_host<MakeKey>(asked);
    EXPECT_EQ(message.id, 4U);
    EXPECT_EQ(message.bits, 3072U);
    EXPECT_EQ(message.where, "file:///k");
    ASSERT_EQ(message.options.size(), 1U);
    EXPECT_EQ(message.options[0].value, "sha256:7");
    EXPECT_EQ(copy(std::get<TypedSecret>(message.secret).bytes), secret);
}

TEST(HostProtocol, LimitsProperties) {
    std::vector<std::uint8_t> room(kMaxHostMessage);
    Item item{1, "x:", "", std::vector<Property>(kMaxProperties)};
    EXPECT_TRUE(encode(FromHost(item), room));
    item.properties.emplace_back();
    EXPECT_FALSE(encode(FromHost(item), room));
}

TEST(HostProtocol, CarriesFailures) {
    const Refusal why{ErrorCode::kWrongSecret, "wrong PIN", "try again"};
    const auto packet = encoded(FromHost(Failed{4, why}));
    const auto failed = from_host<Failed>(packet);
    EXPECT_EQ(failed.id, 4U);
    const auto error = to_error(failed.why);
    EXPECT_EQ(error.code, ErrorCode::kWrongSecret);
    EXPECT_EQ(error.message, "wrong PIN");
    EXPECT_EQ(error.advice, "try again");
    EXPECT_EQ(from_host<Refusal>(encoded(FromHost(why))).code, ErrorCode::kWrongSecret);
}

TEST(HostProtocol, CutsLongTexts) {
    const std::string endless(10'000, 'm');
    const auto packet = encoded(FromHost(Refusal{ErrorCode::kInternal, endless, endless}));
    const auto refusal = from_host<Refusal>(packet);
    EXPECT_EQ(refusal.message.size(), kMaxText);
    EXPECT_EQ(refusal.advice.size(), kMaxText);
}

TEST(HostProtocol, RefusesToWriteTooMuch) {
    const Bytes endless(kMaxHostMessage);
    Bytes buffer(kMaxHostMessage);
    EXPECT_THAT(encode(ToHost(KeyOperation{1, 1, FileKeyOperation::kDecrypt, endless}), buffer),
                FailsWith(ErrorCode::kInvalidArgument, "too large"));
    EXPECT_THAT(encode(FromHost(Done{1, endless}), buffer),
                FailsWith(ErrorCode::kInvalidArgument, "too large"));
    const std::string locator(kMaxLocator + 1, 'x');
    EXPECT_THAT(encode(ToHost(OpenKey{1, 1, KeyUse::kPrivate, locator, {}}), buffer),
                FailsWith(ErrorCode::kInvalidArgument, "too large"));
}

TEST(HostProtocol, RefusesCutOrTooLongMessages) {
    for (auto packet : messages_to_host()) {
        for (std::size_t size = 0; size < packet.size(); ++size) {
            EXPECT_THAT(decode_to_host(base::ByteView(packet).first(size)),
                        FailsWith(ErrorCode::kMalformed, ""));
        }
        packet.push_back(0);
        EXPECT_THAT(decode_to_host(packet), FailsWith(ErrorCode::kMalformed, ""));
    }
    for (auto packet : messages_from_host()) {
        for (std::size_t size = 0; size < packet.size(); ++size) {
            EXPECT_THAT(decode_from_host(base::ByteView(packet).first(size)),
                        FailsWith(ErrorCode::kMalformed, ""));
        }
        packet.push_back(0);
        EXPECT_THAT(decode_from_host(packet), FailsWith(ErrorCode::kMalformed, ""));
    }
}

TEST(HostProtocol, RefusesMessagesOfTheOtherSide) {
    for (const auto& packet : messages_to_host()) {
        EXPECT_THAT(decode_from_host(packet), FailsWith(ErrorCode::kMalformed, "host"));
    }
    for (const auto& packet : messages_from_host()) {
        EXPECT_THAT(decode_to_host(packet), FailsWith(ErrorCode::kMalformed, "broker"));
    }
}

TEST(HostProtocol, RefusesInconsistentSecret) {
    // type, id, key, use, locator of "x:", and then whether there is a secret
    constexpr std::size_t kSecretAt = 1 + 8 + 8 + 1 + 2 + 2;
    const Bytes secret = pattern(3);
    auto packet = encoded(ToHost(OpenKey{1, 1, KeyUse::kPrivate, "x:", TypedSecret{secret}}));
    ASSERT_EQ(packet.at(kSecretAt), 1);
    for (const int present : {0, 2, 255}) {
        packet.at(kSecretAt) = static_cast<std::uint8_t>(present);
        EXPECT_THAT(decode_to_host(packet), FailsWith(ErrorCode::kMalformed, ""));
    }
}

TEST(HostProtocol, RefusesUnknownNumbers) {
    constexpr std::size_t kUseAt = 17;  // type, id, key
    constexpr std::size_t kCodeAt = 1;  // type
    for (const int value : {0, 3, 255}) {
        auto open = messages_to_host().front();
        open.at(kUseAt) = static_cast<std::uint8_t>(value);
        EXPECT_THAT(decode_to_host(open), FailsWith(ErrorCode::kMalformed, ""));
        auto operation = messages_to_host().at(3);
        operation.at(kUseAt) = static_cast<std::uint8_t>(value);
        EXPECT_THAT(decode_to_host(operation), FailsWith(ErrorCode::kMalformed, ""));
        auto list = encoded(ToHost(ListItems{5, ItemKind::kTokens}));
        list.back() = static_cast<std::uint8_t>(value);
        EXPECT_THAT(decode_to_host(list), FailsWith(ErrorCode::kMalformed, ""));
    }
    auto refusal = messages_from_host().at(1);
    refusal.at(kCodeAt) = std::to_underlying(ErrorCode::kCancelled) + 1;
    EXPECT_THAT(decode_from_host(refusal), FailsWith(ErrorCode::kMalformed, ""));
    for (const int type : {0, 13, 255}) {
        const Bytes packet(1, static_cast<std::uint8_t>(type));
        EXPECT_THAT(decode_to_host(packet), FailsWith(ErrorCode::kMalformed, ""));
        EXPECT_THAT(decode_from_host(packet), FailsWith(ErrorCode::kMalformed, ""));
    }
}

TEST(HostProtocol, WritesTextsThatDBusTakes) {
    std::string text = "caf\xe9 \x1b[31m";
    text += std::string(kMaxText - text.size() - 1, 'a') + "\u00e9";
    const auto packet = encoded(FromHost(Refusal{ErrorCode::kInternal, text, ""}));
    const auto message = decode_from_host(packet);
    ASSERT_TRUE(message);
    const auto shown = std::get<Refusal>(*message).message;
    EXPECT_TRUE(shown.starts_with("caf? ?[31maaa")) << shown;
    EXPECT_EQ(shown.size(), kMaxText - 1);  // the last character has no room
}

TEST(HostProtocol, RefusesTextsThatDBusRefuses) {
    auto packet = encoded(FromHost(Refusal{ErrorCode::kInternal, "Xm", ""}));
    std::ranges::replace(packet, std::uint8_t{'X'}, std::uint8_t{0xff});
    EXPECT_THAT(decode_from_host(packet), FailsWith(ErrorCode::kMalformed, ""));
}

}  // namespace
}  // namespace ecryptfs::pki
