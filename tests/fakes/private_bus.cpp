// SPDX-License-Identifier: Apache-2.0

#include "tests/fakes/private_bus.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "tests/support/bus_files.h"

namespace ecryptfs::test {

PrivateBus::PrivateBus(Messages messages)
    : messages_(messages),
      configuration_(folder_.file(
          "bus.conf", bus_configuration(folder_.path().string(), folder_.path().string()))) {
    start();
}

void PrivateBus::start() {
    Pipe printed;
    std::map<int, int> descriptors = {{STDOUT_FILENO, printed.writer.get()}};
    const base::UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    if (messages_ == Messages::kHidden) {
        descriptors[STDERR_FILENO] = nowhere.get();
    }
    daemon_.emplace(
        Command{"dbus-daemon", {"--config-file=" + configuration_, "--nofork", "--print-address"}},
        descriptors);
    printed.writer.reset();
    std::array<char, 256> line{};
    const auto size = ::read(printed.reader.get(), line.data(), line.size());
    EXPECT_GT(size, 0) << "dbus-daemon did not start";
    address_ = std::string(line.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    // Without the GUID, which is another after a new start.
    address_ = address_.substr(0, address_.find_first_of(",\n"));
}

void PrivateBus::add_service(const std::string& name, const std::string& command) const {
    folder_.file(name + ".service", bus_service(name, command));
}

}  // namespace ecryptfs::test
