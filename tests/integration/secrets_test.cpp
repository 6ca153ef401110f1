// SPDX-License-Identifier: Apache-2.0
//
// A passphrase that is looked for where it must not be. Each place is searched for something else
// too, which must be there: else the search would prove nothing.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "tests/integration/agent_test.h"
#include "tests/integration/bus_client.h"
#include "tests/integration/tokens.h"
#include "tests/support/files.h"

namespace ecryptfs::test {
namespace {

constexpr char kPassphrase[] = "secret";  // of the vector key: too plain a word to look for
constexpr char kCanary[] = "canary-Hee7quiegheiRahk";

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// Each message on a bus, byte by byte.
class BusRecording {
  public:
    explicit BusRecording(const PrivateBus& bus)
        : client_(bus.address()),
          monitor_({"dbus-monitor", {"--address", bus.address(), "--binary"}},
                   {{STDOUT_FILENO, output_.writer.get()}}) {
        output_.writer.reset();
        ::fcntl(output_.reader.get(), F_SETFL, O_NONBLOCK);
        sync("recording-begins");
    }

    // All until now.
    const std::string& finish() {
        sync("recording-ends");
        return recorded_;
    }

  private:
    // Says something on the bus until it is heard.
    void sync(const std::string& word) {
        wait_until("the recorder hears something", [&] {
            client_.call("/", "no.such.Interface", "NoSuchMethod", "s", word.c_str());
            read_some();
            return holds(recorded_, word);
        });
    }

    void read_some() {
        pollfd waiting{.fd = output_.reader.get(), .events = POLLIN, .revents = 0};
        std::array<char, 64 * 1024> buffer{};
        ::poll(&waiting, 1, 20);
        for (ssize_t size = 0; (size = ::read(waiting.fd, buffer.data(), buffer.size())) > 0;) {
            recorded_.append(buffer.data(), static_cast<std::size_t>(size));
        }
    }

    Pipe output_;
    BusClient client_;
    Process monitor_;
    std::string recorded_;
};

class Secrets : public AgentTest {
  protected:
    // A key file whose passphrase is the canary.
    std::string make_key() {
        const auto path = (folder_.path() / "key.pem").string();
        const auto made = run(
            {"openssl",
             {"rsa", "-in", vector_key("k2048.pem"), "-passin", fmt::format("pass:{}", kPassphrase),
              "-aes256", "-passout", fmt::format("pass:{}", kCanary), "-out", path}});
        EXPECT_EQ(made.exit_code, 0) << made.err;
        return path;
    }
};

TEST_F(Secrets, BusTokensAndLogHoldNone) {
    start_agent();
    const auto path = make_key();
    const auto passphrase_file = folder_.file("passphrase", kCanary);
    BusRecording recording(bus_);
    const auto added = ctl({"add-key", path, "--passphrase-file", passphrase_file});
    ASSERT_EQ(added.exit_code, 0) << added.err;
    expect_round_trip(kK2048Signature);
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    const auto unlocked = ctl({"unlock", kK2048Signature, "--passphrase-file", passphrase_file});
    ASSERT_EQ(unlocked.exit_code, 0) << unlocked.err;
    const auto refused =
        ctl({"unlock", kK2048Signature, "--passphrase-file", "-"}, std::string(kCanary) + "x");
    const auto shown = ctl({"status"});
    const auto recorded = recording.finish();

    EXPECT_TRUE(holds(recorded, path)) << "the locator is on the bus, and must be seen";
    EXPECT_FALSE(holds(recorded, kCanary));
    const auto token = read_token(kK2048Signature);
    const std::string token_text(token.begin(), token.end());
    EXPECT_TRUE(holds(token_text, path));
    EXPECT_FALSE(holds(token_text, kCanary));
    for (const auto& outcome : {added, unlocked, refused, shown}) {
        EXPECT_FALSE(holds(outcome.out + outcome.err, kCanary));
    }
    EXPECT_FALSE(holds(agent_->log(), kCanary));
    EXPECT_NE(agent_->log(), "");
}

TEST_F(Secrets, ArgumentsAndEnvironmentsHoldNone) {
    start_agent();
    add({make_key()}, kCanary);
    std::vector<std::string> processes = {std::to_string(agent_->pid()),
                                          module("openssl")["host_pid"].dump()};
    for (const auto& pid : processes) {
        const auto arguments = content_of("/proc/" + pid + "/cmdline");
        EXPECT_TRUE(holds(arguments, "ecryptfs-")) << arguments;
        EXPECT_FALSE(holds(arguments, kCanary));
        // Closed to others of the same user, or without it.
        std::ifstream environment("/proc/" + pid + "/environ");
        const std::string variables{std::istreambuf_iterator<char>(environment), {}};
        EXPECT_FALSE(holds(variables, kCanary));
    }
    // Where it is if somebody puts it there.
    const Pipe endless;
    const Process control({"cat", {"-", kCanary}, {{"CANARY", kCanary}}},
                          {{STDIN_FILENO, endless.reader.get()}});
    const auto place = fmt::format("/proc/{}/", control.pid());
    wait_until("a careless program is found out", [&] {
        return holds(content_of(place + "cmdline"), kCanary) &&
               holds(content_of(place + "environ"), kCanary);
    });
}

TEST_F(Secrets, MemoryOfAgentIsClosedToOthers) {
    start_agent();
    add({make_key()}, kCanary);
    for (const auto& pid : {std::to_string(agent_->pid()), module("openssl")["host_pid"].dump()}) {
        for (const char* file : {"mem", "environ", "maps"}) {
            const base::UniqueFd opened(
                ::open(fmt::format("/proc/{}/{}", pid, file).c_str(), O_RDONLY | O_CLOEXEC));
            EXPECT_FALSE(opened) << file;
        }
    }
    const base::UniqueFd control(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(control);
}

// Who can tell them apart can decrypt whatever was encrypted for a key with PKCS#1 v1.5 padding.
TEST_F(Secrets, DecryptFailuresLookAlike) {
    start_agent();
    const auto signature = add_k2048();
    auto wrong_checksum = make_file_key(16);
    wrong_checksum.back() ^= 1;
    const auto log_of = [&](const Bytes& encrypted) {
        const auto before = agent_->log().size();
        EXPECT_THAT(kernel_.decrypt(signature, encrypted), FailsFor(ErrorCode::kDecryptFailed));
        queue();  // an agent that answers this has logged what it answered before
        return agent_->log().substr(before);
    };
    const auto of_padding = log_of(Bytes(256, 0x55));
    const auto of_checksum = log_of(wrapped(signature, wrong_checksum));
    const auto of_noise = log_of(wrapped(signature, Bytes(67, 0xff)));
    EXPECT_NE(of_padding, "");
    EXPECT_EQ(of_checksum, of_padding);
    EXPECT_EQ(of_noise, of_padding);
    EXPECT_EQ(queue()["failed_by_reason"], Json({{"DecryptFailed", 3}}));
}

}  // namespace
}  // namespace ecryptfs::test
