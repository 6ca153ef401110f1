// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/host_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <vector>

#include "lib/base/handle.h"

namespace ecryptfs::pki {
namespace {

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
