// SPDX-License-Identifier: Apache-2.0
//
// A passphrase that occurs nowhere else is looked for wherever it must not be; and each way of
// looking is shown to find what is there.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "lib/base/hex.h"
#include "tests/support/wait.h"
#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/keyring.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kCanary[] = "canary-8f3a61d0c2";

bool shows(const std::string& bytes, const std::string& secret) {
    return bytes.find(secret) != std::string::npos ||
           bytes.find(base::to_hex(base::as_bytes(secret))) != std::string::npos;
}

std::string content_of_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// What others may see of a process: its arguments, and what root may: its environment.
std::string outside_of(pid_t pid) {
    return content_of_file(fmt::format("/proc/{}/cmdline", pid)) +
           content_of_file(fmt::format("/proc/{}/environ", pid));
}

// k1024.pem with the canary for a passphrase.
std::string make_canary_key(const UserSession& session) {
    const auto file = session.user().home() + "/keys/canary.pem";
    const auto made = session.run(
        {"openssl", "rsa", "-in", install_key(session.user(), "k1024.pem"), "-passin",
         "pass:secret", "-aes256", "-out", file, "-passout", fmt::format("pass:{}", kCanary)});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    return file;
}

// Records all that goes over a session's bus, byte by byte.
class BusRecorder {
  public:
    explicit BusRecorder(const UserSession& session)
        : session_(session),
          record_(memory_file()),
          monitor_(session.start({"dbus-monitor", "--binary", "--address", session.bus_address()},
                                 -1, record_.get())) {
        test::wait_until("the bus is recorded", [&] { return !record().empty(); });
    }

    std::string record() const { return content_of(record_.get()); }

    // And waits until it is recorded: so all that went before it is, too.
    void send(const std::string& text) const {
        session_.run({"dbus-send", "--bus=" + session_.bus_address(), "--type=signal", "/",
                      "org.example.Control", "string:" + text});
        test::wait_until("the message is recorded",
                         [&] { return record().find(text) != std::string::npos; });
    }

  private:
    const UserSession& session_;
    base::UniqueFd record_;
    Process monitor_;
};

// ecryptfsctl waiting for its passphrase on standard input.
class WaitingCtl {
  public:
    WaitingCtl(const UserSession& session, const Arguments& arguments)
        : ends_(make_pipe()), process_(start(session, arguments, ends_.reader.get())) {
        ends_.reader.reset();
    }

    pid_t pid() const { return process_.pid(); }
    void give(const std::string& line) {
        EXPECT_GT(::write(ends_.writer.get(), line.data(), line.size()), 0);
        ends_.writer.reset();
    }
    int wait() { return process_.wait(); }

  private:
    struct Pipe {
        base::UniqueFd reader;
        base::UniqueFd writer;
    };
    static Pipe make_pipe() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        return {base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
    }
    static Process start(const UserSession& session, const Arguments& arguments, int in) {
        Arguments command = {ECRYPTFSCTL};
        command.insert(command.end(), arguments.begin(), arguments.end());
        return session.start(command, in);
    }

    Pipe ends_;
    Process process_;
};

class PassphraseSecrecy : public OnTheRealKernel {
  protected:
    UserSession session_{alice()};
    std::string key_file_ = make_canary_key(session_);
};

TEST_F(PassphraseSecrecy, BusHoldsNone) {
    const BusRecorder recorder(session_);
    const auto key = session_.add_key(key_file_, kCanary);
    session_.ctl_prints({"lock", key});
    session_.ctl_prints({"unlock", key, "--passphrase-file", "-"}, kCanary);
    recorder.send("all of this was recorded");
    const auto record = recorder.record();
    for (const auto* call : {"AddKey", "RegisterToken", "Unlock"}) {
        EXPECT_THAT(record, HasSubstr(call));
    }
    EXPECT_FALSE(shows(record, kCanary));

    recorder.send(kCanary);
    EXPECT_TRUE(shows(recorder.record(), kCanary));
}

TEST_F(PassphraseSecrecy, ArgumentsAndEnvironmentHoldNone) {
    const auto key = session_.add_key(key_file_, kCanary);
    session_.ctl_prints({"lock", key});
    const BusRecorder recorder(session_);
    ::kill(session_.host(), SIGSTOP);  // so that there is time to look
    WaitingCtl unlock(session_, {"unlock", key, "--passphrase-file", "-"});
    unlock.give(std::string(kCanary) + "\n");
    test::wait_until("the agent is asked",
                     [&] { return recorder.record().find("Unlock") != std::string::npos; });
    for (const pid_t pid : {session_.agent(), session_.host(), unlock.pid()}) {
        const auto seen = outside_of(pid);
        EXPECT_THAT(seen, HasSubstr("XDG_RUNTIME_DIR"));
        EXPECT_FALSE(shows(seen, kCanary)) << seen;
    }
    ::kill(session_.host(), SIGCONT);
    EXPECT_EQ(unlock.wait(), 0);

    const auto careless =
        session_.start({"env", fmt::format("SECRET={}", kCanary), "sleep", "1000"});
    test::wait_until("a careless program is found out",
                     [&] { return shows(outside_of(careless.pid()), kCanary); });
}

TEST_F(PassphraseSecrecy, TokenAndLogHoldNone) {
    const auto key = session_.add_key(key_file_, kCanary);
    Mount mount(session_, "secrets");
    mount.mount(mount_options({key}));
    const auto file = make_files(alice(), mount.upper(), 1).front();
    mount.mount_anew();
    EXPECT_EQ(open_error(alice(), file), 0);
    session_.ctl_prints({"lock", key});
    EXPECT_NE(session_.ctl({"unlock", key, "--passphrase-file", "-"}, "wrong-and-secret").exit_code,
              0);
    session_.ctl_prints({"unlock", key, "--passphrase-file", "-"}, kCanary);

    EXPECT_THAT(payload(session_, key), HasSubstr("file:///home/alice/keys/canary.pem"));
    EXPECT_FALSE(shows(payload(session_, key), kCanary));
    EXPECT_THAT(session_.log(), HasSubstr("/dev/ecryptfs is open"));
    EXPECT_FALSE(shows(session_.log(), kCanary)) << session_.log();
    EXPECT_FALSE(shows(session_.log(), "wrong-and-secret")) << session_.log();

    // ecryptfs-utils' tokens do hold it.
    load_token(session_, "rsa2048-aes16", "fe3467554552491d");
    EXPECT_TRUE(shows(payload(session_, "fe3467554552491d"), "secret"));
}

}  // namespace
}  // namespace ecryptfs::vm
