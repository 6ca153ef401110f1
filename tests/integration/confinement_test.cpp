// SPDX-License-Identifier: Apache-2.0
//
// What a host may do under the agent: the module "faulty" tries it, having said that it needs it or
// having said nothing.

#include <ecryptfs_pki_module.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include <filesystem>
#include <fstream>

#include "tests/contract/software_tpm.h"
#include "tests/integration/agent_test.h"

namespace ecryptfs::test {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

constexpr char kNothing[] = "0";

struct Trespass {
    std::string what;
    std::string argument = {};
};

// Of this process, by their numbers.
struct Ipc {
    int memory = ::shmget(IPC_PRIVATE, 1, 0600);
    int semaphore = ::semget(IPC_PRIVATE, 1, 0600);
    int queue = ::msgget(IPC_PRIVATE, 0600);

    Ipc() = default;
    Ipc(const Ipc&) = delete;
    Ipc& operator=(const Ipc&) = delete;
    ~Ipc() {
        ::shmctl(memory, IPC_RMID, nullptr);
        ::semctl(semaphore, 0, IPC_RMID);
        ::msgctl(queue, IPC_RMID, nullptr);
    }
};

// Some program's shared memory.
struct SharedFile {
    std::string path = fmt::format("/dev/shm/ecryptfs-test-{}", ::getpid());

    SharedFile() { std::ofstream(path) << "content"; }
    SharedFile(const SharedFile&) = delete;
    SharedFile& operator=(const SharedFile&) = delete;
    ~SharedFile() { std::filesystem::remove(path); }
};

// A terminal of the user's, such as another window.
struct Terminal {
    base::UniqueFd master{::posix_openpt(O_RDWR | O_NOCTTY)};
    std::string path;

    Terminal() {
        ::grantpt(master.get());
        ::unlockpt(master.get());
        path = ::ptsname(master.get());
    }
};

class Confinement : public AgentTest {
  protected:
    // An agent whose module "faulty" says this of itself.
    void start(const std::string& needs, Environment more = {}) {
        if (agent_) {
            EXPECT_EQ(agent_->stop(), 0);
            agent_.reset();
            kernel_ = FakeKernel();
        }
        more.merge(bus_.environment());
        more.try_emplace("ECRYPTFS_FAULTY_NEEDS", needs);
        auto command = agent_command({}, more);
        if (without_landlock_) {
            command.arguments.insert(command.arguments.begin(), command.program);
            command.program = built("tests/fakes/ecryptfs_without_landlock");
        }
        agent_.emplace(command, kernel_.device());
    }
    void start(ecryptfs_pki_needs needs) { start(std::to_string(needs)); }

    Answer attempt(const Trespass& trespass) {
        const auto signature =
            add_faulty(fmt::format("tries-{}?{}", trespass.what, trespass.argument));
        return kernel_.decrypt(signature, wrapped(signature, file_key_));
    }
    void expect_allowed(const std::vector<Trespass>& trespasses) {
        for (const auto& trespass : trespasses) {
            EXPECT_THAT(attempt(trespass), Gives(file_key_)) << trespass.what;
        }
    }
    void expect_refused(const std::vector<Trespass>& trespasses) {
        for (const auto& trespass : trespasses) {
            EXPECT_THAT(attempt(trespass), FailsFor(ErrorCode::kAccessDenied)) << trespass.what;
        }
    }

    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    bool without_landlock_ = false;
    const Ipc ipc_;
    const Terminal terminal_;
    const SharedFile shared_;
    const Bytes file_key_ = make_file_key(24);
    const std::string file_ = folder_.file("file", "content");
    const std::vector<Trespass> network_ = {{"inet-socket"}};
    const std::vector<Trespass> services_ = {{"unix-socket"},
                                             {"shared-memory"},
                                             {"known-memory", std::to_string(ipc_.memory)},
                                             {"known-semaphore", std::to_string(ipc_.semaphore)},
                                             {"known-queue", std::to_string(ipc_.queue)}};
    const std::vector<Trespass> devices_ = {{"use-device", "/dev/null"}};
    const std::vector<Trespass> files_ = {{"make-file", path("new")}, {"show-file", file_},
                                          {"write-file", file_},      {"empty-file", file_},
                                          {"mark-file", file_},       {"remove-file", path("new")}};
    const std::vector<Trespass> programs_ = {{"run-program", "/bin/true"}};
};

TEST_F(Confinement, NeedlessModuleMayOnlyReadFiles) {
    start(kNothing);
    expect_allowed({{"read-file", file_}});
    for (const auto& refused : {network_, services_, devices_, files_, programs_}) {
        expect_refused(refused);
    }
    expect_refused({{"disguised-inet-socket"},
                    {"become-program", "/bin/true"},
                    {"remove-file", file_},
                    {"lock-file", file_},
                    {"pass-descriptor"},
                    {"read-file", terminal_.path},
                    {"signal", std::to_string(agent_->pid())}});
    EXPECT_EQ(std::filesystem::file_size(file_), 7U);
    EXPECT_FALSE(std::filesystem::exists(path("new")));
    EXPECT_EQ(module("faulty")["restarts"], 0);
}

// What seccomp does alone.
TEST_F(Confinement, SeccompAloneConfinesNeedlessModule) {
    without_landlock_ = true;
    start(kNothing);
    expect_allowed({{"read-file", file_}});
    for (const auto& refused : {network_, services_, devices_, files_, programs_}) {
        expect_refused(refused);
    }
    const auto pid = std::to_string(agent_->pid());
    expect_refused({{"signal", pid},
                    {"signal-by-pipe", pid},
                    {"lease-file", file_},
                    {"lock-file", file_},
                    {"pass-descriptor"},
                    {"trace", pid},
                    {"read-memory", pid}});
}

TEST_F(Confinement, ModuleGetsOnlyWhatItNeeds) {
    start(ECRYPTFS_PKI_NEEDS_NETWORK);
    expect_allowed(network_);
    for (const auto& refused : {services_, devices_, files_, programs_}) {
        expect_refused(refused);
    }
    start(ECRYPTFS_PKI_NEEDS_LOCAL_SERVICES);
    expect_allowed(services_);
    for (const auto& refused : {network_, devices_, files_, programs_}) {
        expect_refused(refused);
    }
    start(ECRYPTFS_PKI_NEEDS_DEVICES);
    expect_allowed(devices_);
    expect_refused({{"use-device", shared_.path}, {"read-file", shared_.path}});
    for (const auto& refused : {network_, services_, files_, programs_}) {
        expect_refused(refused);
    }
    start(ECRYPTFS_PKI_NEEDS_PROGRAMS);
    expect_allowed(programs_);
    for (const auto& refused : {network_, services_, devices_, files_}) {
        expect_refused(refused);
    }
    start(ECRYPTFS_PKI_NEEDS_FILES);
    expect_allowed(files_);
    for (const auto& refused : {network_, services_, devices_, programs_}) {
        expect_refused(refused);
    }
    expect_allowed({{"use-device", shared_.path}});
    start(ECRYPTFS_PKI_NEEDS_TPM);
    for (const auto& refused : {network_, services_, devices_, files_, programs_}) {
        expect_refused(refused);
    }
}

TEST_F(Confinement, NoModuleReachesOtherProcesses) {
    const Process other({"sleep", {"1000"}}, {});
    const auto pid = std::to_string(other.pid());
    for (const std::string can : {"trace", "read-memory", "open-memory", "read-keyring",
                                  "name-space", "be-dumpable", "outlive-agent"}) {
        EXPECT_EQ(run({built("tests/fakes/ecryptfs_trespass"), {can, pid}}).exit_code, 0)
            << "nobody else may " << can;
    }
    for (const std::string needs : {kNothing, "4294967295"}) {
        SCOPED_TRACE(needs);
        start(needs);
        expect_refused({{"trace", pid},
                        {"read-memory", pid},
                        {"open-memory", pid},
                        {"read-keyring"},
                        {"name-space"},
                        {"io-ring"},
                        {"crypto-socket"},
                        {"be-dumpable"},
                        {"outlive-agent"},
                        {"signal-by-pipe", pid},
                        {"lease-file", file_},
                        {"read-file", terminal_.path},
                        {"use-device", terminal_.path},
                        {"type-on-terminal"}});
    }
}

TEST_F(Confinement, FirstAbiVersionNeedsNothing) {
    start("4294967295", {{"ECRYPTFS_FAULTY_ABI_VERSION", "1"}});
    expect_allowed({{"read-file", file_}});
    for (const auto& refused : {network_, services_, devices_, files_, programs_}) {
        expect_refused(refused);
    }
}

pid_t number_in(const std::string& path) {
    pid_t number = 0;
    std::ifstream(path) >> number;
    return number;
}

TEST_F(Confinement, ProgramsOfModuleEndWithItsHost) {
    const auto everything = ~0U;
    for (const bool agent_ends : {false, true}) {
        SCOPED_TRACE(agent_ends);
        const auto note = folder_.file(agent_ends ? "first" : "second", "");
        start(std::to_string(everything));
        expect_allowed({{"leave-program", note}});
        wait_until("the program runs", [&] { return number_in(note) != 0; });
        if (agent_ends) {
            EXPECT_EQ(agent_->stop(), 0);
        } else {
            ASSERT_EQ(::kill(module("faulty")["host_pid"].get<pid_t>(), SIGKILL), 0);
        }
        expect_ends(number_in(note));
    }
}

TEST_F(Confinement, FutureAbiVersionIsRefused) {
    start(kNothing, {{"ECRYPTFS_FAULTY_ABI_VERSION", "5"}});
    const auto outcome = ctl({"add-key", "faulty:ok", "--module", "faulty"});
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kModuleFailed));
    EXPECT_THAT(outcome.err, HasSubstr("has ABI version 5, this host has 1 to 4"));
}

TEST_F(Confinement, TpmModuleReachesOnlyTheDefaultTpm) {
    const Arguments add_key = {"add-key", "--module", "tpm2",
                               "handle:0x81000001?tcti=swtpm:host=127.0.0.1,port=1"};
    start(kNothing);
    EXPECT_THAT(ctl(add_key).err, HasSubstr("this process may not reach a TPM at swtpm:host="));
    start(kNothing, {{"ECRYPTFS_TPM2_TCTI", "mssim:host=127.0.0.1"}});
    EXPECT_THAT(ctl(add_key).err, HasSubstr("no TPM answers at swtpm:host="));
}

// A line of /proc/PID/task/TID/status of each thread.
std::vector<std::string> of_all_threads(pid_t pid, const std::string& field) {
    std::vector<std::string> found;
    for (const auto& task :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
        std::ifstream status(task.path() / "status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with(field + ":\t")) {
                found.push_back(line.substr(field.size() + 2));
            }
        }
    }
    return found;
}

TEST_F(Confinement, AllThreadsAreConfined) {
    const contract::SoftwareTpm tpm;
    start(kNothing, {{"ECRYPTFS_TPM2_TCTI", tpm.tcti()}});
    add_k2048();
    add_faulty("ok");
    // Has no such key, but its host is there to say so.
    for (const std::string name : {"pkcs11", "tpm2"}) {
        EXPECT_NE(ctl({"add-key", "--module", name, "handle:0x81000001"}).exit_code, 0);
    }
    for (const std::string name : {"faulty", "openssl", "pkcs11", "tpm2"}) {
        SCOPED_TRACE(name);
        const auto host = module(name)["host_pid"].get<pid_t>();
        constexpr char kFiltered[] = "2";  // SECCOMP_MODE_FILTER
        EXPECT_THAT(of_all_threads(host, "Seccomp"), Each(kFiltered));
        EXPECT_THAT(of_all_threads(host, "NoNewPrivs"), Each("1"));
    }
}

}  // namespace
}  // namespace ecryptfs::test
