// SPDX-License-Identifier: Apache-2.0
//
// A token that another process has, maybe on another machine: reached through `p11-kit server` and
// a socket.

#include <gmock/gmock.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "tests/contract/loaded_module.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/softhsm.h"
#include "tests/support/processes.h"

namespace ecryptfs::contract {
namespace {

using testing::HasSubstr;

// The server of the token "contract", with one key.
class Server {
  public:
    Server() : socket_(SoftHsm::instance().folder().path("remote").string()) {
        static const bool imported = [] {
            SoftHsm::instance().import("contract", "remote", "9e",
                                       to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
            return true;
        }();
        static_cast<void>(imported);
        ::setenv("P11_KIT_SERVER_ADDRESS", ("unix:path=" + socket_).c_str(), 1);
        // Its standard error would otherwise keep the pipe of run_program() open.
        const auto said =
            run_program("{ p11-kit server --provider /usr/lib/softhsm/libsofthsm2.so --name " +
                        socket_ + " -s pkcs11:token=contract 2>/dev/null; }");
        const auto at = said.find("P11_KIT_SERVER_PID=");
        pid_ = at == std::string::npos ? 0 : std::atoi(said.c_str() + at + 19);
        if (pid_ <= 0) {
            throw std::runtime_error("p11-kit server: " + said);
        }
        for (int i = 0; i < 1000 && !std::filesystem::exists(socket_); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    ~Server() { stop(); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    Server(Server&&) = delete;
    Server& operator=(Server&&) = delete;

    void stop() {
        if (pid_ <= 0) {
            return;
        }
        // One process for each connection, which would go on by itself.
        for (const pid_t child : test::children_of(pid_)) {
            ::kill(child, SIGTERM);
        }
        ::kill(pid_, SIGTERM);
        for (int i = 0; i < 1000 && ::kill(pid_, 0) == 0; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        pid_ = 0;
        std::filesystem::remove(socket_);
    }

    static TestKey key() {
        return {"pkcs11:token=contract;object=remote?module-path=p11-kit-client.so", kPin};
    }

  private:
    std::string socket_;
    pid_t pid_ = 0;
};

class Pkcs11Remote : public testing::Test {
  protected:
    void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }  // as in ecryptfs-pki-host

    static const ecryptfs_pki_module& abi() { return load(ECRYPTFS_PKCS11_SO); }
    static bool works(const OpenKey& key) {
        return key.decrypt(key.wrap(pattern(19))).bytes == pattern(19);
    }
};

TEST_F(Pkcs11Remote, WorksThroughSocket) {
    const Server server;
    EXPECT_EQ(failure_to_open(abi(), {Server::key().locator, "999999"}).status,
              ECRYPTFS_PKI_WRONG_SECRET);
    const OpenKey key(abi(), Server::key());
    EXPECT_THAT(std::string(key.describe().locator), HasSubstr("?module-path=p11-kit-client.so"));
    EXPECT_TRUE(works(key));
    EXPECT_EQ(key.decrypt(Bytes(256)).status, ECRYPTFS_PKI_DECRYPT_FAILED);
    const OpenKey half(abi(), {Server::key().locator}, ECRYPTFS_PKI_USE_PUBLIC);
    EXPECT_EQ(key.decrypt(half.wrap(pattern(19))).bytes, pattern(19));

    std::atomic<int> wrong = 0;
    std::vector<std::thread> workers;
    for (int i = 0; i < 8; ++i) {
        workers.emplace_back([&] {
            for (int times = 0; times < 10; ++times) {
                wrong += works(key) ? 0 : 1;
            }
        });
    }
    for (auto& worker : workers) {
        worker.join();
    }
    EXPECT_EQ(wrong, 0);
}

TEST_F(Pkcs11Remote, SurvivesRestartOfServer) {
    auto server = std::make_unique<Server>();
    const OpenKey key(abi(), Server::key());
    const Bytes wrapped = key.wrap(pattern(19));
    server->stop();
    const Outcome away = key.decrypt(wrapped);
    EXPECT_EQ(away.status, ECRYPTFS_PKI_TOKEN_REMOVED) << away.message;
    server = std::make_unique<Server>();
    EXPECT_EQ(key.decrypt(wrapped).bytes, pattern(19));
}

}  // namespace
}  // namespace ecryptfs::contract
