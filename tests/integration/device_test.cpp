// SPDX-License-Identifier: Apache-2.0
//
// A device that is not there, may not be opened, goes away.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/integration/agent_test.h"
#include "tests/integration/bus_client.h"

namespace ecryptfs::test {
namespace {

class DeviceFaults : public AgentTest {
  protected:
    // status prints what it knows, and fails with this error. Keys are of use to mounts in user
    // space.
    void expect_not_open(ErrorCode why) {
        const auto outcome = ctl({"status", "--json"});
        EXPECT_EQ(outcome.exit_code, code(why)) << outcome.err;
        const auto device = Json::parse(outcome.out)["device"];
        EXPECT_EQ(device["open"], false);
        EXPECT_EQ(device["error"]["name"], base::traits(why).name);
        EXPECT_FALSE(device["error"]["advice"].is_null());
        EXPECT_THAT(outcome.err, ::testing::HasSubstr("\ntry: "));
        EXPECT_EQ(ctl({"add-key", "example:a", "--module", "example"}).exit_code, 0);
    }
    void start_agent_without_device(const std::string& path) {
        agent_.emplace(bus_.environment(), base::UniqueFd(), Arguments{"--device", path});
    }
};

TEST_F(DeviceFaults, ClosedDeviceIsSurvivedAndReported) {
    start_agent({"--device", (folder_.path() / "ecryptfs").string()});
    BusClient client(bus_.address());
    const auto opened = status()["device"];
    EXPECT_EQ(opened["open"], true);
    EXPECT_FALSE(opened["opened"].is_null());
    kernel_.close();
    const auto signal = client.wait_for_signal("PropertiesChanged", "DeviceState");
    EXPECT_THAT(signal.body, ::testing::HasSubstr("NoDevice"));
    expect_not_open(ErrorCode::kNoDevice);
    EXPECT_EQ(status()["device"]["losses"], 1);
    EXPECT_THAT(agent_->log(), ::testing::HasSubstr("went away"));
}

TEST_F(DeviceFaults, OpenRequestsCountAsLateOnClose) {
    start_agent({"--device", (folder_.path() / "ecryptfs").string()});
    const auto signature = add_faulty("slow?300");
    const auto encrypted = wrapped(signature, make_file_key(16));
    kernel_.ask_to_decrypt(signature, encrypted);
    wait_until("the agent has the request",
               [&] { return queue()["in_flight"] > 0 || queue()["answered"] == 2; });
    kernel_.close();
    wait_until("it is answered", [&] { return queue()["answered"] == 2; });
    EXPECT_EQ(queue()["late"], 1);
    EXPECT_EQ(queue()["in_flight"], 0);
    agent_.reset();
}

TEST_F(DeviceFaults, MissingDeviceIsReportedWithAdvice) {
    start_agent_without_device((folder_.path() / "ecryptfs").string());
    expect_not_open(ErrorCode::kNoDevice);
    EXPECT_THAT(ctl({"status"}).err, ::testing::HasSubstr("modprobe ecryptfs"));
}

TEST_F(DeviceFaults, MissingFolderOfDeviceIsReported) {
    start_agent_without_device("/nonexistent/ecryptfs");
    expect_not_open(ErrorCode::kNoDevice);
}

TEST_F(DeviceFaults, ForbiddenDeviceIsOpenedOnceAllowed) {
    const auto path = (folder_.path() / "ecryptfs").string();
    ASSERT_EQ(::mkfifo(path.c_str(), 0), 0);
    start_agent_without_device(path);
    BusClient client(bus_.address());
    expect_not_open(ErrorCode::kDevicePermission);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    client.wait_for_signal("PropertiesChanged", "\"Open\"");
}

}  // namespace
}  // namespace ecryptfs::test
