// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/agent/state.h"
#include "tests/support/matchers.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;

TEST(AgentState, MissingPropertiesAreEmpty) {
    const auto manager = cli::manager_state({{"Version", std::string("0.0.1")}});
    EXPECT_EQ(manager.version, "0.0.1");
    EXPECT_EQ(manager.received, 0U);
    EXPECT_TRUE(manager.failed.empty());
}

TEST(AgentState, MistypedPropertiesAreEmpty) {
    EXPECT_EQ(cli::manager_state({{"Received", std::string("many")}}).received, 0U);
}

TEST(AgentState, SortsKeysAndSkipsOtherObjects) {
    const auto key = [](std::string signature) {
        return cli::BusObject{
            .path = "/k",
            .interfaces = {{"org.ecryptfs.Agent1.Key", {{"Signature", std::move(signature)}}},
                           {"org.freedesktop.DBus.Peer", {}}}};
    };
    const auto objects = cli::agent_objects(
        {key("bb"), key("aa"), {.path = "/other", .interfaces = {{"org.example.Other", {}}}}});
    ASSERT_EQ(objects.keys.size(), 2U);
    EXPECT_EQ(objects.keys.front().signature, "aa");
    EXPECT_TRUE(objects.modules.empty());
}

TEST(DeviceState, IsItsErrorUnlessOpen) {
    EXPECT_THAT(cli::device_ready({.device_state = dbus::kDeviceOpen}), Succeeds());
    EXPECT_THAT(cli::device_ready({.device_state = {ErrorCode::kDevicePermission},
                                   .device_message = "no permission",
                                   .device_advice = "ask root"}),
                FailsWith(ErrorCode::kDevicePermission, "no permission\nask root"));
    EXPECT_THAT(cli::device_ready(cli::manager_state({{"DeviceState", std::string("Open")}})),
                Succeeds());
    EXPECT_THAT(cli::device_ready(cli::manager_state({{"DeviceState", std::string("Melted")}})),
                FailsWith(ErrorCode::kInternal, "does not hold the device"));
}

TEST(KernelFeatures, NamesAreInOrder) {
    EXPECT_THAT(cli::feature_names(375),
                ElementsAre("passphrase", "public-key", "plaintext-passthrough", "xattr",
                            "multiple-keys", "device", "filename-encryption"));
    EXPECT_THAT(cli::feature_names(0x400), ElementsAre("0x400"));
    EXPECT_TRUE(cli::feature_names(0).empty());
}

}  // namespace
}  // namespace ecryptfs::test
