// SPDX-License-Identifier: Apache-2.0
//
// Processes that hang or die while files are being opened. Hosts are stopped here, never the agent:
// a device that is held and not read brings the kernel down (docs/protocol.md section 1).

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>

#include "tests/support/wait.h"
#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/kernel.h"
#include "tests/vm/mount.h"
#include "tests/vm/openers.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

class Faults : public OnTheRealKernel {
  protected:
    void begin(const std::string& key_name, int file_count) {
        session_.emplace(alice());
        make_files_of(session_->add_key(install_key(alice(), key_name), "secret"), file_count);
    }
    void make_files_of(const std::string& key, int file_count) {
        mount_.emplace(*session_, "faults");
        mount_->mount(mount_options({key}));
        files_ = make_files(alice(), mount_->upper(), file_count);
        mount_->mount_anew();
    }

    void TearDown() override {
        mount_.reset();
        session_.reset();
        OnTheRealKernel::TearDown();
    }

    nlohmann::json queue() const { return session_->status()["queue"]; }
    int restarts() const { return session_->status()["modules"][0]["restarts"]; }

    void expect_all_is_answered() const {
        const auto now = queue();
        EXPECT_EQ(now["in_flight"], 0);
        EXPECT_EQ(now["received"], now["answered"].get<int>() + now["failed"].get<int>());
    }

    std::optional<UserSession> session_;
    std::optional<Mount> mount_;
    Paths files_;
};

TEST_F(Faults, FileOpensDespiteHungHost) {
    begin("k1024.pem", 1);
    ::kill(session_->host(), SIGSTOP);
    EXPECT_EQ(open_error(alice(), files_.front()), 0);
    EXPECT_EQ(restarts(), 1);
    expect_all_is_answered();
}

// Of the process, in the kernel.
bool waits_for_the_agent(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/wchan", pid));
    std::string function;
    file >> function;
    return function == "ecryptfs_wait_for_response";
}

TEST_F(Faults, KilledOpenerDisturbsNobody) {
    begin("k1024.pem", 2);
    ::kill(session_->host(), SIGSTOP);
    Process opener(ChildSetup{.user = alice()}, [this] {
        return ::open(files_[0].c_str(), O_RDONLY | O_CLOEXEC) >= 0 ? 0 : errno;
    });
    test::wait_until("the opener waits", [&] { return waits_for_the_agent(opener.pid()); });
    ::kill(opener.pid(), SIGKILL);
    EXPECT_EQ(opener.wait(), 128 + SIGKILL);

    EXPECT_EQ(open_error(alice(), files_[1]), 0);
    EXPECT_EQ(open_error(alice(), files_[0]), 0);
    expect_all_is_answered();
}

TEST_F(Faults, KilledHostsFailNoOpen) {
    begin("k1024.pem", 100);
    Openers openers(alice(), files_, 8);
    pid_t last = 0;
    for (const int opened : {10, 35, 60}) {
        test::wait_until("there are files open and another host", [&] {
            const auto host = session_->host();
            return openers.opened() >= opened && host != 0 && host != last;
        });
        last = session_->host();
        ::kill(last, SIGKILL);
    }
    openers.wait();
    EXPECT_EQ(openers.opened(), 8 * 100);
    EXPECT_EQ(openers.failed(), 0) << openers.last_error();
    EXPECT_EQ(restarts(), 3);
    EXPECT_EQ(queue()["failed"], 0);
    expect_all_is_answered();
}

// How long the kernel waits for a reply is a parameter of its module.
class FaultsWithKernelTimeout : public Faults {
  protected:
    explicit FaultsWithKernelTimeout(int seconds) : seconds_(seconds) {}

    void SetUp() override {
        Faults::SetUp();
        unload_ecryptfs();
        load_ecryptfs({fmt::format("ecryptfs_message_wait_timeout={}", seconds_)});
    }
    void TearDown() override {
        Faults::TearDown();
        unload_ecryptfs();
        load_ecryptfs();
    }

  private:
    int seconds_;
};

// The agent takes longer to see that a host hangs.
class ImpatientKernel : public FaultsWithKernelTimeout {
  protected:
    ImpatientKernel() : FaultsWithKernelTimeout(1) {}
};

TEST_F(ImpatientKernel, LateReplyIsOnlyCounted) {
    begin("k1024.pem", 1);
    ::kill(session_->host(), SIGSTOP);
    EXPECT_EQ(open_error(alice(), files_.front()), EIO);
    test::wait_until("the late reply is counted", [&] { return queue()["late"] == 1; });

    EXPECT_EQ(open_error(alice(), files_.front()), 0);
    expect_all_is_answered();
}

// Waits for the agent's answer, however slow this machine is: the agent alone decides who waits too
// long.
class PatientKernel : public FaultsWithKernelTimeout {
  protected:
    PatientKernel() : FaultsWithKernelTimeout(120) {}
};

TEST_F(PatientKernel, OverloadedTokenServesWhoStillWaits) {
    session_.emplace(alice());
    const auto key = session_->ctl_prints({"add-key", "faulty:slow?600", "--module", "faulty"});
    make_files_of(key.substr(0, key.find('\n')), 24);
    Openers openers(alice(), files_, 24);  // it does four in the agent's 2.8 seconds
    openers.wait();
    EXPECT_GT(openers.failed(), 0) << "there was not too much to do";
    EXPECT_EQ(openers.last_error(), EIO);
    EXPECT_GT(openers.opened(), 0);
    EXPECT_EQ(queue()["late"], 0);

    for (const auto& file : files_) {
        EXPECT_EQ(open_error(alice(), file), 0) << file;
    }
    EXPECT_EQ(restarts(), 0);
    expect_all_is_answered();
}

}  // namespace
}  // namespace ecryptfs::vm
