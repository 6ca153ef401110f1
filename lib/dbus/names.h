// SPDX-License-Identifier: Apache-2.0
//
// Names on the bus. org.ecryptfs.Agent1.xml, beside this file, documents each interface.

#pragma once

namespace ecryptfs::dbus {

inline constexpr char kBusName[] = "org.ecryptfs.Agent1";
inline constexpr char kManagerPath[] = "/org/ecryptfs/Agent1";
inline constexpr char kKeyPathPrefix[] = "/org/ecryptfs/Agent1/key";        // + "/" + signature
inline constexpr char kModulePathPrefix[] = "/org/ecryptfs/Agent1/module";  // + "/" + encoded name

inline constexpr char kManagerInterface[] = "org.ecryptfs.Agent1";
inline constexpr char kKeyInterface[] = "org.ecryptfs.Agent1.Key";
inline constexpr char kModuleInterface[] = "org.ecryptfs.Agent1.Module";

// Of the property Channels: number, client, received, answered, failed.
inline constexpr char kChannelFields[] = "uuttt";

inline constexpr char kErrorPrefix[] = "org.ecryptfs.Agent1.Error.";

}  // namespace ecryptfs::dbus
