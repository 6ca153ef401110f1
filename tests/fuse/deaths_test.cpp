// SPDX-License-Identifier: Apache-2.0
//
// ecryptfs-fuse is killed while programs write, and mounts again: what a call had acknowledged is
// there, and what one was about to do is done, not done, or done in part, and nothing else. 100
// deaths, or as many as ECRYPTFS_DEATHS says.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/handle.h"
#include "tests/fakes/agent_process.h"
#include "tests/fakes/build_under_test.h"
#include "tests/fakes/private_bus.h"
#include "tests/fuse/mounted_folder.h"
#include "tests/support/vectors.h"
#include "tests/support/wait.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

constexpr int kLoads = 3;

int count_of_deaths(int usual) {
#ifdef ECRYPTFS_SANITIZED
    usual /= 5;  // programs start slowly
#endif
    const char* const wanted = ::getenv("ECRYPTFS_DEATHS");
    return wanted != nullptr ? std::atoi(wanted) : usual;
}

std::optional<std::string> whole_content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return file.is_open() && !file.bad() ? std::optional(std::move(text).str()) : std::nullopt;
}

// Changes files of a folder of its own until a call fails or it is to stop, and knows what was
// acknowledged.
class Load {
  public:
    Load(fs::path folder, unsigned seed) : folder_(std::move(folder)), random_(seed) {}

    void run() {
        do {
            choose();
        } while (carry_out() && !is_ending);
    }
    // What is wrong in the folder, or ""; then goes on from what is there.
    std::string verify();

    std::uint64_t acknowledged() const { return acknowledged_; }
    int last_error() const { return last_error_; }
    // Whether the last operation was not acknowledged.
    bool has_failed() const { return operation_.kind != Kind::kNone; }

    std::atomic<bool> is_ending = false;

  private:
    enum class Kind { kNone, kWrite, kTruncate, kRename, kRemove, kRead };
    struct Operation {
        Kind kind = Kind::kNone;
        std::string name = {};
        std::string other = {};
        std::size_t offset = 0;  // or size
        std::string text = {};
        bool syncs = false;
    };

    std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_()) % end; }
    std::string some_name() { return fmt::format("f{}", below(6)); }
    void choose();
    bool carry_out();
    bool write() const;
    bool read() const;
    void acknowledge();
    std::map<std::string, std::string> renamed() const;
    bool may_be(const std::string& name, const std::optional<std::string>& seen) const;
    bool may_be_written(const std::string& before, const std::string& seen) const;
    bool may_be_truncated(const std::string& before, const std::string& seen) const;

    fs::path folder_;
    std::mt19937 random_;
    std::map<std::string, std::string> files_;  // as they were acknowledged
    Operation operation_;                       // that was not yet
    std::uint64_t acknowledged_ = 0;
    int last_error_ = 0;
};

void Load::choose() {
    constexpr auto kKinds =
        std::to_array<Kind>({Kind::kWrite, Kind::kWrite, Kind::kWrite, Kind::kWrite,
                             Kind::kTruncate, Kind::kRename, Kind::kRemove, Kind::kRead});
    operation_ = {.kind = kKinds[below(kKinds.size())],
                  .name = some_name(),
                  .other = some_name(),
                  .offset = below(50'000),
                  .text = std::string(1 + below(20'000), static_cast<char>('a' + below(26))),
                  .syncs = below(4) == 0};
    const auto known = files_.find(operation_.name);
    if (known == files_.end()) {
        operation_.kind = Kind::kWrite;
    } else if (below(2) == 0 && operation_.kind == Kind::kWrite) {
        operation_.offset = known->second.size();
    }
}

bool Load::write() const {
    const auto& [kind, name, other, offset, text, syncs] = operation_;
    const base::UniqueFd fd(::open((folder_ / name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    return fd &&
           ::pwrite(fd.get(), text.data(), text.size(), static_cast<off_t>(offset)) ==
               static_cast<ssize_t>(text.size()) &&
           (!syncs || ::fsync(fd.get()) == 0);
}

// Another content than was acknowledged is an error of its own.
bool Load::read() const {
    const base::UniqueFd fd(::open((folder_ / operation_.name).c_str(), O_RDONLY | O_CLOEXEC));
    const auto& expected = files_.at(operation_.name);
    std::string text(expected.size() + 1, '\0');
    const auto size = fd ? ::pread(fd.get(), text.data(), text.size(), 0) : -1;
    if (size < 0) {
        return false;
    }
    text.resize(static_cast<std::size_t>(size));
    errno = EBADMSG;
    return text == expected;
}

bool Load::carry_out() {
    const auto path = folder_ / operation_.name;
    const auto other = folder_ / operation_.other;
    bool is_done = false;
    switch (operation_.kind) {
        case Kind::kWrite:
            is_done = write();
            break;
        case Kind::kTruncate:
            is_done = ::truncate(path.c_str(), static_cast<off_t>(operation_.offset)) == 0;
            break;
        case Kind::kRename:
            is_done = ::rename(path.c_str(), other.c_str()) == 0;
            break;
        case Kind::kRemove:
            is_done = ::unlink(path.c_str()) == 0;
            break;
        default:
            is_done = read();
    }
    if (is_done) {
        acknowledge();
    } else {
        last_error_ = errno;
    }
    return is_done;
}

void Load::acknowledge() {
    const auto& [kind, name, other, offset, text, syncs] = operation_;
    auto& content = files_[name];
    if (kind == Kind::kWrite) {
        content.resize(std::max(content.size(), offset + text.size()));
        std::ranges::copy(text, content.begin() + static_cast<std::ptrdiff_t>(offset));
    } else if (kind == Kind::kTruncate) {
        content.resize(offset);
    } else if (kind == Kind::kRename) {
        files_ = renamed();
    } else if (kind == Kind::kRemove) {
        files_.erase(name);
    }
    operation_.kind = Kind::kNone;
    ++acknowledged_;
}

// Each byte is the old or the new one, and zeros may be in between.
bool Load::may_be_written(const std::string& before, const std::string& seen) const {
    const auto end = operation_.offset + operation_.text.size();
    if (seen.size() < before.size() || seen.size() > std::max(before.size(), end)) {
        return false;
    }
    for (std::size_t i = 0; i < seen.size(); ++i) {
        const char old = i < before.size() ? before[i] : '\0';
        const bool is_new =
            i >= operation_.offset && i < end && seen[i] == operation_.text[i - operation_.offset];
        if (seen[i] != old && !is_new) {
            return false;
        }
    }
    return true;
}

// What is to go may be zeros already; what comes are zeros.
bool Load::may_be_truncated(const std::string& before, const std::string& seen) const {
    const auto size = operation_.offset;
    if (seen.size() < std::min(before.size(), size) ||
        seen.size() > std::max(before.size(), size) ||
        (size < before.size() && seen.size() != size && seen.size() != before.size())) {
        return false;
    }
    for (std::size_t i = 0; i < seen.size(); ++i) {
        const bool is_kept = i < before.size() && seen[i] == before[i];
        if (!is_kept && (seen[i] != '\0' || i < std::min(before.size(), size))) {
            return false;
        }
    }
    return true;
}

std::map<std::string, std::string> Load::renamed() const {
    auto files = files_;
    if (operation_.name != operation_.other) {
        files[operation_.other] = files_.at(operation_.name);
        files.erase(operation_.name);
    }
    return files;
}

bool Load::may_be(const std::string& name, const std::optional<std::string>& seen) const {
    const auto known = files_.find(name);
    const auto before = known == files_.end() ? std::nullopt : std::optional(known->second);
    if (seen == before) {
        return true;
    }
    switch (operation_.kind) {
        case Kind::kWrite:
            return name == operation_.name && seen && may_be_written(before.value_or(""), *seen);
        case Kind::kTruncate:
            return name == operation_.name && seen && may_be_truncated(before.value_or(""), *seen);
        case Kind::kRename:
            return true;  // both names are looked at together
        case Kind::kRemove:
            return name == operation_.name && !seen;
        default:
            return false;
    }
}

std::string Load::verify() {
    std::map<std::string, std::string> seen;
    for (const auto& entry : fs::directory_iterator(folder_)) {
        auto content = whole_content(entry.path());
        if (!content) {
            return fmt::format("{} cannot be read", entry.path().string());
        }
        seen.emplace(entry.path().filename(), std::move(*content));
    }
    std::map<std::string, std::string> all = files_;
    all.insert(seen.begin(), seen.end());
    for (const auto& [name, unused] : all) {
        const auto found = seen.find(name);
        if (!may_be(name, found == seen.end() ? std::nullopt : std::optional(found->second))) {
            return fmt::format("{}: {} bytes, where {} were acknowledged", name,
                               found == seen.end() ? -1 : static_cast<long>(found->second.size()),
                               files_.contains(name) ? files_[name].size() : 0);
        }
    }
    if (operation_.kind == Kind::kRename && seen != files_ && seen != renamed()) {
        return fmt::format("{} was renamed in part", operation_.name);
    }
    files_ = std::move(seen);
    return "";
}

class Deaths : public ::testing::Test {
  protected:
    Deaths() { fs::create_directory(lower()); }

    fs::path lower() const { return folder_.path() / "lower"; }

    void make_loads(const MountedFolder& mounted) {
        for (unsigned i = 0; i < kLoads; ++i) {
            const auto folder = mounted.path() / fmt::format("load {}", i);
            fs::create_directory(folder);
            loads_.push_back(std::make_unique<Load>(folder, i));
        }
    }
    // What happens does so at a moment at random while the loads run.
    void run_loads_until(const std::function<void()>& happens) {
        std::vector<std::thread> threads;
        for (auto& load : loads_) {
            load->is_ending = false;
            threads.emplace_back([&load] { load->run(); });
        }
        std::this_thread::sleep_for(std::chrono::microseconds(random_() % 40'000));
        happens();
        for (auto& load : loads_) {
            load->is_ending = true;
        }
        for (auto& thread : threads) {
            thread.join();
        }
    }
    void verify() {
        for (auto& load : loads_) {
            ASSERT_EQ(load->verify(), "") << "errno " << load->last_error();
        }
    }
    std::uint64_t acknowledged() const {
        std::uint64_t count = 0;
        for (const auto& load : loads_) {
            count += load->acknowledged();
        }
        return count;
    }

    TemporaryFolder folder_;
    std::vector<std::unique_ptr<Load>> loads_;
    std::mt19937 random_{1};
};

TEST_F(Deaths, LoseNothingThatWasAcknowledged) {
    const auto tokens = add_passphrase_tokens(kCorrectHorsePassphrase);
    MountedFolder mounted(lower(), mount_options(tokens));
    make_loads(mounted);
    const int deaths = count_of_deaths(100);
    for (int i = 0; i < deaths; ++i) {
        run_loads_until([&] { mounted.kill(); });
        mounted.mount_after_death();
        ASSERT_NO_FATAL_FAILURE(verify()) << "after " << i + 1 << " deaths";
    }
    RecordProperty("acknowledged", std::to_string(acknowledged()));
    EXPECT_GT(acknowledged(), 0U);
}

// Before, the next agent would find the name of the last one taken.
void wait_until_the_bus_knows(const PrivateBus& bus) {
    wait_until("the bus knows that the agent has died", [&] {
        const auto reply =
            run({"/usr/bin/dbus-send",
                 {"--bus=" + bus.address(), "--print-reply=literal", "--dest=org.freedesktop.DBus",
                  "/", "org.freedesktop.DBus.NameHasOwner", "string:org.ecryptfs.Agent1"}});
        return reply.out.find("false") != std::string::npos;
    });
}

// The agent has the key. It dies as well, or instead.
TEST_F(Deaths, AlsoOfTheAgentLoseNothing) {
    const PrivateBus bus;
    AgentProcess agent(bus.environment(), base::UniqueFd(), {"--device", "/nonexistent/device"});
    const auto added =
        run({ctl_program(),
             {"add-key", vector_key("k2048.pem"), "--keyring", "session", "--passphrase-file", "-"},
             bus.environment()},
            "secret");
    ASSERT_EQ(added.exit_code, 0) << added.err;
    const auto signature = added.out.substr(0, added.out.find('\n'));
    MountedFolder mounted(lower(), "ecryptfs_sig=" + signature, bus.environment());
    make_loads(mounted);
    const int deaths = count_of_deaths(20);
    for (int i = 0; i < deaths; ++i) {
        const bool agent_dies = i % 3 != 0;
        const bool mount_dies = i % 3 != 1;
        run_loads_until([&] {
            if (agent_dies) {
                ASSERT_EQ(agent.stop(SIGKILL), 128 + SIGKILL);
            }
            if (mount_dies) {
                mounted.kill();
            }
            if (agent_dies) {
                wait_until_the_bus_knows(bus);
                agent.start_again();
            }
        });
        if (mount_dies) {
            mounted.mount_after_death();
        } else {
            for (const auto& load : loads_) {
                EXPECT_FALSE(load->has_failed()) << "errno " << load->last_error();
            }
        }
        ASSERT_NO_FATAL_FAILURE(verify()) << "after " << i + 1 << " deaths\n" << agent.log();
    }
}

}  // namespace
}  // namespace ecryptfs::test
