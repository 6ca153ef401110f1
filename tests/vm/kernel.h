// SPDX-License-Identifier: Apache-2.0
//
// The guest's kernel, as root sees it.

#pragma once

#include <string>
#include <vector>

namespace ecryptfs::vm {

inline constexpr char kDevice[] = "/dev/ecryptfs";

// With the device for the group `ecryptfs`, as udev would leave it. `parameters` as for modprobe.
void load_ecryptfs(const std::vector<std::string>& parameters = {});
// Nobody may hold the device, and nothing be mounted.
void unload_ecryptfs();
void set_device_mode(unsigned mode);

// FUSE, with its device for everybody, as udev leaves it; or for root only.
void load_fuse(unsigned device_mode = 0666);

// All of them. Programs start slowly after that.
void drop_caches();

// What the kernel has logged since the last call.
std::string read_kernel_log();
// The first line there that tells of a fault in the kernel, or "".
std::string fault_in(const std::string& kernel_log);

}  // namespace ecryptfs::vm
