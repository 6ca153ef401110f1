// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/host_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>
#include <vector>

#include "lib/base/handle.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait.h"

namespace ecryptfs::pki {
namespace {

// A shell script in the place of ecryptfs-pki-host. Its standard error is the text socket.
class ScriptedHost : public testing::Test {
  protected:
    HostProcess start(const std::string& script, HostTask task = HostTask::kUseKeys) const {
        const auto program = folder_.file("host", "#!/bin/sh\n" + script);
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        return start_host({program, "/modules"}, "some", task);
    }

    // One packet; empty when nobody is left who could write.
    static std::string next_text(const HostProcess& host) {
        pollfd readable{host.text.get(), POLLIN, 0};
        EXPECT_EQ(::poll(&readable, 1, test::kPatience.count()), 1) << "no text, and no end";
        std::array<char, 4096> packet{};
        const auto size = ::recv(host.text.get(), packet.data(), packet.size(), MSG_DONTWAIT);
        return {packet.data(), static_cast<std::size_t>(std::max(size, ssize_t{0}))};
    }

    // What the script says until its end.
    std::string said_by(const std::string& script, HostTask task = HostTask::kUseKeys) const {
        const auto host = start(script, task);
        std::string said;
        for (auto text = next_text(host); !text.empty(); text = next_text(host)) {
            said += text;
        }
        EXPECT_EQ(::waitpid(host.pid, nullptr, 0), host.pid);
        return said;
    }

    const test::TemporaryFolder folder_;
};

TEST_F(ScriptedHost, GetsModuleAndTask) {
    EXPECT_EQ(said_by("echo $# $@ >&2"), "1 /modules/some.so\n");
    EXPECT_EQ(said_by("echo $# $@ >&2", HostTask::kMakeKeys), "2 /modules/some.so --make-keys\n");
}

TEST_F(ScriptedHost, GetsNoOtherDescriptors) {
    const base::UniqueFd ours(::open("/dev/null", O_RDONLY));  // as one that was left open
    EXPECT_EQ(said_by("exec ls /proc/self/fd >&2"), "0\n1\n2\n3\n") << "the last is that of ls";
}

TEST_F(ScriptedHost, StandardOutputIsNull) {
    EXPECT_EQ(said_by("out=$(readlink /proc/$$/fd/1); echo $out >&2"), "/dev/null\n");
}

TEST_F(ScriptedHost, StandardInputIsTheChannel) {
    const auto host = start("exec head -n 1 >&2");
    EXPECT_EQ(::send(host.socket.get(), "hello\n", 6, 0), 6);
    EXPECT_EQ(next_text(host), "hello\n");
    EXPECT_EQ(::waitpid(host.pid, nullptr, 0), host.pid);
}

TEST_F(ScriptedHost, LeadsItsOwnSession) {
    const auto host = start("echo ready >&2; exec sleep 1000");
    EXPECT_EQ(next_text(host), "ready\n");
    EXPECT_EQ(::getsid(host.pid), host.pid);
    EXPECT_EQ(::getpgid(host.pid), host.pid);
    kill_host(host.pid);
    EXPECT_EQ(::waitpid(host.pid, nullptr, 0), host.pid);
}

TEST_F(ScriptedHost, BlocksNoSignals) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &all, &before), 0);
    const auto said = said_by("exec grep SigBlk /proc/self/status >&2");
    ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
    EXPECT_EQ(said, "SigBlk:\t0000000000000000\n");
}

TEST_F(ScriptedHost, DiesWithItsThread) {
    pid_t pid = 0;
    std::thread([&] {
        const auto host = start("echo ready >&2; exec sleep 1000");
        EXPECT_EQ(next_text(host), "ready\n");
        pid = host.pid;
    }).join();
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

TEST_F(ScriptedHost, DiesWithItsPrograms) {
    const auto host = start("sleep 1000 & echo ready >&2; wait");
    EXPECT_EQ(next_text(host), "ready\n");
    kill_host(host.pid);
    EXPECT_EQ(next_text(host), "") << "sleep has it, too";
    int status = 0;
    EXPECT_EQ(::waitpid(host.pid, &status, 0), host.pid);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

TEST(HostProcess, EndSaysHow) {
    const HostPaths paths{"/usr/libexec/host", "/modules"};
    const std::array<std::pair<base::Error, std::string>, 4> ends = {{
        {host_ended(paths, CLD_EXITED, 3), "the PKI host exited with status 3"},
        {host_ended(paths, CLD_KILLED, SIGKILL), "the PKI host was killed by SIGKILL"},
        {host_ended(paths, CLD_DUMPED, SIGSEGV), "the PKI host was killed by SIGSEGV"},
        {host_ended(paths, CLD_KILLED, 40), "the PKI host was killed by signal 40"},
    }};
    for (const auto& [error, message] : ends) {
        EXPECT_EQ(error.code, base::ErrorCode::kModuleFailed);
        EXPECT_EQ(error.message, message);
        EXPECT_EQ(error.advice, "");
    }
}

TEST(HostProcess, MissingProgramIsToBeInstalled) {
    const HostPaths paths{"/no-such-host", "/modules"};
    const auto host = start_host(paths, "some", HostTask::kUseKeys);
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(host.pid), &ended, WEXITED), 0);
    const auto error = host_ended(paths, ended.si_code, ended.si_status);
    EXPECT_EQ(error.code, base::ErrorCode::kModuleFailed);
    EXPECT_EQ(error.message, "/no-such-host cannot be run");
    EXPECT_EQ(error.advice, "install the package ecryptfs-agent anew");
}

// All numbers of descriptors but so many are taken while it lives.
class FewDescriptors {
  public:
    explicit FewDescriptors(std::size_t left) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit few{128, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &few);
        while (base::UniqueFd fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}) {
            taken_.push_back(std::move(fd));
        }
        taken_.resize(taken_.size() - left);
    }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
    std::vector<base::UniqueFd> taken_;
};

// In the child it would look as if there was no program.
TEST(HostProcess, MissingDescriptorsAreReported) {
    const HostPaths paths{"/bin/true", "/no-such-folder"};
    constexpr std::size_t kNeeded = 5;  // two pairs of sockets and /dev/null
    for (std::size_t left = 0; left <= kNeeded; ++left) {
        const FewDescriptors few(left);
        try {
            const auto process = start_host(paths, "some", HostTask::kUseKeys);
            EXPECT_EQ(::waitpid(process.pid, nullptr, 0), process.pid);
            EXPECT_EQ(left, kNeeded);
        } catch (const base::Failure& failure) {
            EXPECT_LT(left, kNeeded);
            EXPECT_EQ(failure.error().code, base::ErrorCode::kModuleFailed);
            EXPECT_TRUE(failure.error().message.ends_with("Too many open files"))
                << failure.error().message;
        }
    }
}

}  // namespace
}  // namespace ecryptfs::pki
