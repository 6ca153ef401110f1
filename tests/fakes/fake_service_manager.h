// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <map>
#include <string>

#include "lib/base/handle.h"
#include "tests/support/command.h"

namespace ecryptfs::test {

// What systemd does for a service of Type=notify with FileDescriptorStoreMax=: hears that it is
// ready, keeps its descriptors and hands them to its next process. One that is killed is noticed,
// and started again, by the test.
class FakeServiceManager {
  public:
    // `path`: of the socket to be made.
    explicit FakeServiceManager(std::string path);

    // As if the service had stored it.
    void keep(const std::string& name, base::UniqueFd fd) { kept_[name] = std::move(fd); }
    const std::map<std::string, base::UniqueFd>& kept() const { return kept_; }

    // What the next process is to have; borrowed descriptors.
    void hand_over(Environment& environment, std::map<int, int>& descriptors) const;

    // Returns when the process says that it is ready, or has ended.
    void wait_until_ready(const Process& process);
    // Takes what the service has said.
    void take_messages();

  private:
    bool take_message();

    std::string path_;
    base::UniqueFd socket_;
    bool ready_ = false;
    std::map<std::string, base::UniqueFd> kept_;
};

}  // namespace ecryptfs::test
