// SPDX-License-Identifier: Apache-2.0

#include "lib/mount/helper_protocol.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using mount::MountRequest;
using mount::Reply;
using mount::UnmountRequest;
using mount::Verdict;
using wire::KeySignature;

KeySignature key(std::string_view text) {
    return KeySignature::from_text(text).value();
}

MountRequest full_request() {
    return {{.keys = {key("fe3467554552491d"), key("9d59cdc2eaf8d95e")},
             .name_keys = {key("e80b89d3427db0d3")},
             .cipher = "twofish",
             .key_bytes = 32,
             .xattr = true,
             .encrypted_view = true,
             .read_only = true,
             .unlink_keys = false},
            true};
}

std::vector<std::uint8_t> packet_of(const mount::Request& request) {
    return mount::encode_request(request).value();
}

bool is_refused(base::ByteView packet) {
    const auto parsed = mount::parse_request(packet);
    return !parsed && parsed.error().code == ErrorCode::kMalformed;
}

TEST(MountRequest, EncodedRequestParsesBack) {
    const auto parsed =
        std::get<MountRequest>(mount::parse_request(packet_of(full_request())).value());
    const auto sent = full_request();
    EXPECT_EQ(parsed.options.keys, sent.options.keys);
    EXPECT_EQ(parsed.options.name_keys, sent.options.name_keys);
    EXPECT_EQ(parsed.options.cipher, "twofish");
    EXPECT_EQ(parsed.options.key_bytes, 32U);
    EXPECT_TRUE(parsed.options.xattr && parsed.options.encrypted_view && parsed.options.read_only);
    EXPECT_FALSE(parsed.options.passthrough || parsed.options.unlink_keys);
    EXPECT_TRUE(parsed.may_hide_files);

    const auto unmount = std::get<UnmountRequest>(
        mount::parse_request(packet_of(UnmountRequest{"a b", 0x1234567890, true})).value());
    EXPECT_EQ(unmount.name, "a b");
    EXPECT_EQ(unmount.mount_id, 0x1234567890U);
    EXPECT_TRUE(unmount.lazy);
}

TEST(MountRequest, CutOrTooLongRequestIsRefused) {
    for (const mount::Request& request :
         {mount::Request(full_request()), mount::Request(UnmountRequest{"upper", 7})}) {
        auto packet = packet_of(request);
        for (std::size_t size = 0; size < packet.size(); ++size) {
            EXPECT_TRUE(is_refused(base::ByteView(packet).first(size))) << size;
        }
        packet.push_back(0);
        EXPECT_TRUE(is_refused(packet));
    }
}

TEST(MountRequest, UnknownVersionKindOrFlagsAreRefused) {
    const std::vector<std::pair<std::size_t, std::uint8_t>> changes = {
        {0, 2}, {1, 'x'}, {2, 0x40}, {2, 0x80}};
    for (const auto& [at, value] : changes) {
        auto packet = packet_of(full_request());
        packet[at] = value;
        EXPECT_TRUE(is_refused(packet)) << at;
    }
    auto packet = packet_of(UnmountRequest{"upper", 7});
    packet[2] = 2;
    EXPECT_TRUE(is_refused(packet));
}

TEST(MountRequest, CannotSmuggleKernelOptions) {
    const auto is_possible = [](auto change) {
        auto request = full_request();
        change(request.options);
        return mount::encode_request(request).has_value();
    };
    using Options = mount::FolderOptions;
    EXPECT_TRUE(is_possible([](Options&) {}));
    EXPECT_FALSE(is_possible([](Options& options) { options.cipher = "aes,ecryptfs_sig=x"; }));
    EXPECT_FALSE(is_possible([](Options& options) { options.cipher = ""; }));
    EXPECT_FALSE(is_possible([](Options& options) { options.key_bytes = 17; }));
    EXPECT_FALSE(is_possible([](Options& options) { options.key_bytes = 256 + 32; }));
    EXPECT_FALSE(is_possible([](Options& options) { options.keys.clear(); }));
    EXPECT_FALSE(is_possible([](Options& options) { options.keys.push_back(options.keys[0]); }));
    EXPECT_FALSE(is_possible([](Options& options) { options.name_keys = options.keys; }));
    EXPECT_FALSE(is_possible(
        [](Options& options) { options.keys.assign(mount::kMaxKeys + 1, options.keys[0]); }));
    auto packet = packet_of(full_request());
    const auto first_key = std::ranges::search(packet, std::string_view("fe34")).begin();
    *first_key = 'F';
    EXPECT_TRUE(is_refused(packet)) << "no signature";
}

TEST(UnmountRequest, RefusesPaths) {
    for (const std::string& name :
         {std::string(""), std::string("."), std::string(".."), std::string("a/b"),
          std::string("/"), std::string("a\0b", 3), std::string(256, 'a')}) {
        EXPECT_FALSE(mount::encode_request(UnmountRequest{name, 7})) << name;
    }
    EXPECT_TRUE(mount::encode_request(UnmountRequest{std::string(255, 'a'), 7}));
}

TEST(MountReply, EncodedReplyParsesBackPrintable) {
    const auto parsed = mount::parse_reply(mount::encode_reply(
        Reply{Verdict::kMountFailed, ENOKEY, 1000, "Error\n\x1b[31m" + std::string(1000, 'x')}));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->verdict, Verdict::kMountFailed);
    EXPECT_EQ(parsed->error_number, ENOKEY);
    EXPECT_EQ(parsed->owner, 1000U);
    EXPECT_EQ(parsed->kernel_said.size(), 512U);
    EXPECT_TRUE(parsed->kernel_said.starts_with("Error??[31mx"));

    auto packet = mount::encode_reply({});
    EXPECT_FALSE(mount::parse_reply(base::ByteView(packet).first(packet.size() - 1)));
    packet[1] = static_cast<std::uint8_t>(Verdict::kLowerUnreadable) + 1;
    EXPECT_FALSE(mount::parse_reply(packet));
}

}  // namespace
}  // namespace ecryptfs::test
