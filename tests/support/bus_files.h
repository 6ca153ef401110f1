// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <fmt/format.h>

#include <string>

namespace ecryptfs::test {

// dbus-daemon's configuration of a user's bus, whose socket is `bus` in a folder.
inline std::string bus_configuration(const std::string& folder, const std::string& service_folder) {
    static constexpr char kConfiguration[] = R"(<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={}/bus</listen>
  <servicedir>{}</servicedir>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
)";
    return fmt::format(kConfiguration, folder, service_folder);
}

// What a file NAME.service in the service folder holds, for a program that the bus starts.
inline std::string bus_service(const std::string& name, const std::string& command) {
    return fmt::format("[D-BUS Service]\nName={}\nExec={}\n", name, command);
}

}  // namespace ecryptfs::test
