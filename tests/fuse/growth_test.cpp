// SPDX-License-Identifier: Apache-2.0
//
// To make a file longer writes encrypted zeros. A signal ends that.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "lib/base/handle.h"
#include "tests/fuse/mounted_folder.h"
#include "tests/support/command.h"
#include "tests/support/vectors.h"
#include "tests/support/wait.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

// Takes seconds.
constexpr off_t kLong = off_t{3} << 30;
constexpr off_t kShortLower = 8192 + 4096;

class Growth : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::create_directory(lower());
        mounted_.emplace(lower(), mount_options(tokens_, false));
        std::ofstream(file()) << "hello";
    }
    fs::path lower() const { return folder_.path() / "lower"; }
    fs::path file() const { return mounted_->path() / "file"; }

    void wait_until_growing() const {
        wait_until("it grows", [&] { return fs::file_size(lower() / "file") > (16U << 20); });
    }
    void expect_unchanged() const {
        EXPECT_EQ(fs::file_size(file()), 5U);
        EXPECT_EQ(fs::file_size(lower() / "file"), static_cast<std::uintmax_t>(kShortLower));
        std::ifstream text(file());
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(text), {}), "hello");
    }

    TemporaryFolder folder_;
    PassphraseTokens tokens_ = add_passphrase_tokens(kCorrectHorsePassphrase);
    std::optional<MountedFolder> mounted_;
};

TEST_F(Growth, EndsWithASignal) {
    struct sigaction action{};
    struct sigaction before{};
    action.sa_handler = [](int) {};
    ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
    const std::function<long()> calls[] = {
        [&] { return ::truncate(file().c_str(), kLong); },
        [&] {
            const base::UniqueFd fd(::open(file().c_str(), O_WRONLY | O_CLOEXEC));
            return ::pwrite(fd.get(), "x", 1, kLong);
        },
    };
    for (const auto& call : calls) {
        long result = 0;
        int error = 0;
        std::thread grower([&] {
            result = call();
            error = errno;
        });
        wait_until_growing();
        ::pthread_kill(grower.native_handle(), SIGUSR1);
        grower.join();
        EXPECT_EQ(result, -1);
        EXPECT_EQ(error, EINTR);
        expect_unchanged();
    }
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(Growth, EndsWhenTheProgramIsKilled) {
    Process grower(Command{"/usr/bin/truncate", {"-s", std::to_string(kLong), file()}}, {});
    wait_until_growing();
    grower.send_signal(SIGKILL);
    EXPECT_EQ(grower.wait(), 128 + SIGKILL);
    expect_unchanged();
}

TEST_F(Growth, GoesOnWithoutASignal) {
    ASSERT_EQ(::truncate(file().c_str(), 10'000'000), 0);
    EXPECT_EQ(fs::file_size(file()), 10'000'000U);
    fs::resize_file(file(), 5);
    expect_unchanged();
}

}  // namespace
}  // namespace ecryptfs::test
