// SPDX-License-Identifier: Apache-2.0

#include "tests/vm/user_session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/support/bus_files.h"
#include "tests/support/wait.h"

namespace ecryptfs::vm {
namespace {

void write_file(const std::string& path, const std::string& content) {
    std::ofstream(path) << content;
}

std::string write_bus_configuration(const User& user) {
    const auto folder = user.runtime_folder();
    std::filesystem::create_directories(folder + "/services");
    std::filesystem::remove(folder + "/bus");
    write_file(folder + "/services/org.ecryptfs.Agent1.service",
               test::bus_service("org.ecryptfs.Agent1",
                                 fmt::format("{} --module-dir {} --pki-host {}", ECRYPTFS_AGENT,
                                             ECRYPTFS_MODULE_FOLDER, ECRYPTFS_PKI_HOST)));
    const auto configuration = folder + "/bus.conf";
    write_file(configuration, test::bus_configuration(folder, folder + "/services"));
    return configuration;
}

// For pam_keyinit's job, but with a name, by which each process of the session finds it.
void make_session_keyring(const std::string& name) {
    const auto keyring = ::keyctl_join_session_keyring(name.c_str());
    constexpr key_perm_t kPermissions =
        KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_READ | KEY_USR_LINK | KEY_USR_SEARCH;
    ::keyctl_setperm(keyring, kPermissions);
    ::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
}

std::string new_keyring_name() {
    static int sessions = 0;
    return fmt::format("session-{}", ++sessions);
}

}  // namespace

UserSession::UserSession(const User& user, AgentKeyring keyring)
    : user_(user),
      keyring_name_(new_keyring_name()),
      log_(memory_file()),
      keyring_keeper_(start_keyring()),
      bus_(start_bus(keyring)) {}

UserSession::~UserSession() {
    stop_agent();
    end_process(bus_.pid(), SIGTERM);
    bus_.wait();
    EXPECT_EQ(call([] { return ::keyctl_clear(KEY_SPEC_USER_KEYRING) == 0 ? 0 : errno; }), 0);
    if (testing::Test::HasFailure()) {
        fmt::print("What the agent of {} wrote:\n{}\n", user_.name, log());
    }
}

// Stays for as long as the session: a keyring that nobody has is no more.
Process UserSession::start_keyring() const {
    const auto made = memory_file();
    Process keeper({.user = user_, .out = made.get()}, [&] {
        make_session_keyring(keyring_name_);
        static_cast<void>(::write(STDOUT_FILENO, "\n", 1));
        return ::pause();
    });
    test::wait_until("the session keyring is there",
                     [&] { return !content_of(made.get()).empty(); });
    return keeper;
}

Process UserSession::start_bus(AgentKeyring keyring) const {
    const auto configuration = write_bus_configuration(user_);
    const auto address = memory_file();
    auto child = setup();
    child.out = address.get();
    child.err = log_.get();
    if (keyring == AgentKeyring::kOfItsOwn) {
        child.prepare = [] { ::keyctl_join_session_keyring(nullptr); };
    }
    Process bus(child,
                {"dbus-daemon", "--config-file=" + configuration, "--nofork", "--print-address"});
    test::wait_until("the bus is there",
                     [&] { return content_of(address.get()).find('\n') != std::string::npos; });
    return bus;
}

std::string UserSession::bus_address() const {
    return "unix:path=" + user_.runtime_folder() + "/bus";
}

ChildSetup UserSession::setup() const {
    return {.user = user_,
            .prepare = [this] { ::keyctl_join_session_keyring(keyring_name_.c_str()); }};
}

Outcome UserSession::run(const Arguments& command, const std::string& input) const {
    return vm::run(setup(), command, input);
}

Process UserSession::start(const Arguments& command, int in, int out) const {
    auto child = setup();
    child.in = in;
    child.out = out;
    return {child, command};
}

int UserSession::call(const std::function<int()>& body) const {
    return Process(setup(), body).wait();
}

int UserSession::call_as_root(const std::function<int()>& body) const {
    auto child = setup();
    child.may_be_root_again = true;
    return Process(child,
                   [&] {
                       become_root_again();
                       return body();
                   })
        .wait();
}

Outcome UserSession::ctl(const Arguments& arguments, const std::string& input) const {
    Arguments command = {ECRYPTFSCTL};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(command, input);
}

std::string UserSession::ctl_prints(const Arguments& arguments, const std::string& input) const {
    const auto outcome = ctl(arguments, input);
    EXPECT_EQ(outcome.exit_code, 0) << arguments.front() << ": " << outcome.err;
    return outcome.out;
}

std::string UserSession::add_key(const std::string& file, const std::string& passphrase) const {
    const auto printed = ctl_prints({"add-key", file, "--passphrase-file", "-"}, passphrase + "\n");
    EXPECT_EQ(printed.size(), 17U) << printed;
    return printed.substr(0, 16);
}

nlohmann::json UserSession::status() const {
    return nlohmann::json::parse(ctl({"status", "--json"}).out);
}

nlohmann::json UserSession::key(const std::string& signature) const {
    const auto listing = nlohmann::json::parse(ctl_prints({"list-keys", "--json"}));
    for (const auto& key : listing["keys"]) {
        if (key["signature"] == signature) {
            return key;
        }
    }
    return nullptr;
}

pid_t UserSession::agent() const {
    const auto found = find_processes(user_, ECRYPTFS_AGENT);
    return found.empty() ? 0 : found.front();
}

pid_t UserSession::host() const {
    const auto found = find_processes(user_, ECRYPTFS_PKI_HOST);
    return found.empty() ? 0 : found.front();
}

void UserSession::stop_agent() const {
    for (const pid_t pid : find_processes(user_, ECRYPTFS_AGENT)) {
        end_process(pid, SIGTERM);
    }
}

std::string UserSession::log() const {
    return content_of(log_.get());
}

int open_error(const User& user, const std::string& file) {
    return run_as(user, [&] {
        const base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
        return fd ? 0 : errno;
    });
}

}  // namespace ecryptfs::vm
