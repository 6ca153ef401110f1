// SPDX-License-Identifier: Apache-2.0

#include "lib/dbus/states.h"

#include <gtest/gtest.h>

#include "lib/dbus/paths.h"
#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using dbus::KeyState;

TEST(KeyStateNames, RoundTrip) {
    for (const auto state :
         {KeyState::kUnopened, KeyState::kUnlocked, KeyState::kLocked, KeyState::kExpired,
          KeyState::kRevoked, KeyState::kMissing, KeyState::kUnusable}) {
        EXPECT_EQ(dbus::parse_key_state(dbus::state_name(state)), state);
    }
    EXPECT_EQ(dbus::state_name(KeyState::kUnopened), "unopened");
    EXPECT_EQ(dbus::state_name(KeyState::kUnusable), "unusable");
    EXPECT_EQ(dbus::parse_key_state("frozen"), KeyState::kUnusable);
}

TEST(DeviceStateNames, RoundTrip) {
    EXPECT_EQ(dbus::state_name(dbus::kDeviceOpen), "Open");
    EXPECT_EQ(dbus::parse_device_state("Open"), dbus::kDeviceOpen);
    const dbus::DeviceState busy{ErrorCode::kDeviceBusy};
    EXPECT_EQ(dbus::state_name(busy), "DeviceBusy");
    EXPECT_EQ(dbus::parse_device_state("DeviceBusy"), busy);
    EXPECT_EQ(dbus::parse_device_state("Melted"), dbus::DeviceState{ErrorCode::kInternal});
}

TEST(BusPaths, NamesKeysAndModules) {
    const auto signature = wire::KeySignature::from_text("fe3467554552491d").value();
    const std::string path = "/org/ecryptfs/Agent1/key/fe3467554552491d";
    EXPECT_EQ(dbus::key_path(signature), path);
    EXPECT_EQ(dbus::key_at_path(path), signature);
    for (const std::string other :
         {"", "/org/ecryptfs/Agent1/key", "/org/ecryptfs/Agent1/key/", "/org/ecryptfs/Agent1/key/x",
          "/org/ecryptfs/Agent1/module/fe3467554552491d",
          "/org/ecryptfs/Agent1/key/fe3467554552491d/x"}) {
        EXPECT_FALSE(dbus::key_at_path(other)) << other;
    }
    EXPECT_EQ(dbus::module_path("tpm2"), "/org/ecryptfs/Agent1/module/tpm2");
    EXPECT_EQ(dbus::module_path("a-b"), "/org/ecryptfs/Agent1/module/a_2db");
}

}  // namespace
}  // namespace ecryptfs::test
