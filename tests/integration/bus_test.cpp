// SPDX-License-Identifier: Apache-2.0
//
// The agent on the bus: what its XML promises.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "tests/fakes/lingering_socket.h"
#include "tests/integration/agent_test.h"
#include "tests/integration/bus_client.h"
#include "tests/integration/introspection.h"
#include "tests/integration/tokens.h"

namespace ecryptfs::test {
namespace {

using ::testing::HasSubstr;

constexpr char kManager[] = "/org/ecryptfs/Agent1";
constexpr char kInterface[] = "org.ecryptfs.Agent1";
constexpr char kKeyInterface[] = "org.ecryptfs.Agent1.Key";

std::string path_of(const std::string& signature) {
    return std::string(kManager) + "/key/" + signature;
}

base::SealedMemfd secret(std::string_view text) {
    return base::value_or_throw(base::SealedMemfd::create(base::as_bytes(text)));
}

class BusTest : public AgentTest {
  protected:
    void SetUp() override {
        start_agent();
        client_.emplace(bus_.address());
    }
    void TearDown() override {
        client_.reset();
        AgentTest::TearDown();
    }

    // A key of the faulty module that needs a secret, with its token in the user keyring.
    std::string add_secret_key() {
        return add({"faulty:secret", "--module", "faulty"}, "open sesame");
    }

    std::optional<BusClient> client_;
};

TEST_F(BusTest, OffersTheDocumentedInterface) {
    const auto signature = add({"example:a", "--module", "example"});
    std::ifstream file(ECRYPTFS_AGENT_XML);
    const std::string xml{std::istreambuf_iterator<char>(file), {}};
    const auto documented = members_by_interface(xml);
    ASSERT_EQ(documented.size(), 3U);
    std::map<std::string, std::set<std::string>> offered;
    for (const auto& path :
         {std::string(kManager), path_of(signature), std::string(kManager) + "/module/example"}) {
        for (const auto& [interface, members] : members_by_interface(client_->introspect(path))) {
            if (interface.starts_with(kInterface)) {
                offered[interface] = members;
            }
        }
    }
    EXPECT_EQ(offered, documented);
}

// sd-bus closes what comes in, and for these that is the last close.
TEST_F(BusTest, SlowCloseOfDescriptorsDoesNotBlock) {
    const auto signature = add({"example:a", "--module", "example"});
    for (const char* member : {"Unlock", "Lock", "Nothing"}) {
        SCOPED_TRACE(member);
        ASSERT_EQ(::kill(agent_->pid(), SIGSTOP), 0);
        base::UniqueFd waits(lingering_socket());
        client_->post(path_of(signature), kKeyInterface, member, "h", waits.get());
        waits.reset();  // the agent will have it alone
        ASSERT_EQ(::kill(agent_->pid(), SIGCONT), 0);
        EXPECT_NE(client_->introspect(kManager), "");  // it is through with the message
        expect_round_trip(signature);
    }
}

TEST_F(BusTest, LockAndUnlockAreSignalled) {
    const auto signature = add_secret_key();
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    const auto locked = client_->wait_for_signal("PropertiesChanged", "\"locked\"");
    EXPECT_EQ(locked.path, path_of(signature));
    ASSERT_EQ(ctl({"unlock", signature, "--passphrase-file", "-"}, "open sesame").exit_code, 0);
    const auto unlocked = client_->wait_for_signal("PropertiesChanged", "\"unlocked\"");
    EXPECT_EQ(unlocked.path, path_of(signature));
}

TEST_F(BusTest, ComingAndGoingIsSignalled) {
    const auto signature = add({"example:a", "--module", "example"});
    bool key = false;
    bool module = false;
    client_->wait_for_signal([&](const Signal& signal) {
        const bool added = signal.member == "InterfacesAdded";
        key = key || (added && signal.body.find(path_of(signature)) != std::string::npos);
        module = module || (added && signal.body.find("/module/example") != std::string::npos);
        return key && module;
    });
    ASSERT_EQ(ctl({"remove-key", signature}).exit_code, 0);
    client_->wait_for_signal("InterfacesRemoved", path_of(signature));
    EXPECT_EQ(keys(), Json::array());
}

TEST_F(BusTest, NeededSecretIsSignalled) {
    const auto signature = add_secret_key();
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    EXPECT_THAT(kernel_.decrypt(signature, Bytes(128, 1)), FailsFor(ErrorCode::kKeyLocked));
    const auto signal = client_->wait_for_signal("SecretNeeded", signature);
    EXPECT_EQ(signal.path, kManager);
    EXPECT_THAT(signal.body, HasSubstr("faulty:secret"));
}

TEST_F(BusTest, TakesSecretsOnlyFromSealedMemfds) {
    const base::UniqueFd unsealed(::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    const base::UniqueFd too_large(::memfd_create("large", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(too_large.get(), 4097), 0);
    ASSERT_EQ(::fcntl(too_large.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), 0);
    const Pipe pipe;
    const auto signature = add_secret_key();
    for (const int fd : {unsealed.get(), too_large.get(), pipe.reader.get()}) {
        EXPECT_EQ(client_->add_key("faulty", "faulty:ok", fd).error, "InvalidArgument");
        EXPECT_EQ(client_->call(path_of(signature), kKeyInterface, "Unlock", "h", fd).error,
                  "InvalidArgument");
    }
    EXPECT_EQ(user_keyring_size(), 1U);
    EXPECT_EQ(keys().size(), 1U);
}

TEST_F(BusTest, RefusesMalformedArguments) {
    const auto nothing = secret("");
    for (const char* name : {"", "../../etc/passwd", "OpenSSL", "a b", "seventeen-letters"}) {
        EXPECT_EQ(client_->add_key(name, "x:y", nothing.fd()).error, "UnknownModule") << name;
    }
    EXPECT_EQ(client_->add_key("faulty", "other:scheme", nothing.fd()).error, "InvalidArgument");
    const std::string endless = "faulty:" + std::string(10'000, 'x');
    EXPECT_EQ(client_->add_key("faulty", endless.c_str(), nothing.fd()).error, "InvalidArgument");
    for (const char* signature : {"", "0123", "0123456789ABCDEF", "0123456789abcdeg"}) {
        EXPECT_EQ(client_->call(kManager, kInterface, "ForgetKey", "s", signature).error,
                  "InvalidArgument");
        EXPECT_EQ(client_->call(kManager, kInterface, "RegisterToken", "si", signature, 1).error,
                  "InvalidArgument");
    }
    EXPECT_EQ(
        client_->call(kManager, kInterface, "RegisterToken", "si", "0123456789abcdef", 1).error,
        "UnknownKey");
    EXPECT_EQ(client_->call(kManager, kInterface, "ForgetKey", "s", "0123456789abcdef").error, "");
    EXPECT_EQ(client_->call(path_of("0123456789abcdef"), kKeyInterface, "Lock").error,
              "org.freedesktop.DBus.Error.UnknownObject");
}

TEST_F(BusTest, ServesKeyOnceItsTokenIsRegistered) {
    const auto added = client_->add_key("faulty", "faulty:secret", secret("open sesame").fd());
    ASSERT_EQ(added.error, "");
    EXPECT_EQ(added.token, token_payload(added.signature, "faulty", "faulty:secret"));
    const auto file_key = make_file_key(16);
    EXPECT_THAT(kernel_.encrypt(added.signature, file_key), FailsFor(ErrorCode::kUnknownKey));
    // Somebody else's key is none.
    const auto other = put_token("0123456789abcdef", "faulty", "faulty:ok");
    const auto* signature = added.signature.c_str();
    EXPECT_EQ(client_->call(kManager, kInterface, "RegisterToken", "si", signature, other).error,
              "InvalidToken");
    const auto serial = put_token(added.signature, added.token);
    const auto answer =
        client_->call(kManager, kInterface, "RegisterToken", "si", signature, serial);
    ASSERT_EQ(answer.error, "");
    const char* path = nullptr;
    ASSERT_GT(::sd_bus_message_read_basic(answer.reply.get(), 'o', &path), 0);
    EXPECT_EQ(path, path_of(added.signature));
    expect_round_trip(added.signature);
    EXPECT_EQ(key(added.signature)["state"], "unlocked");
}

TEST_F(BusTest, LossOfBusLeavesKernelServed) {
    const auto signature = add_secret_key();
    client_.reset();
    bus_.stop();
    expect_round_trip(signature);
    bus_.start();
    wait_until("the agent has found the bus again", [&] { return ctl({"status"}).exit_code == 0; });
    EXPECT_EQ(queue()["answered"], 2);
    expect_round_trip(signature);
}

}  // namespace
}  // namespace ecryptfs::test
