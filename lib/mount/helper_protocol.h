// SPDX-License-Identifier: Apache-2.0
//
// What ecryptfsctl asks of ecryptfs-mount-helper, which is root, and what that answers: one packet
// each way over a SEQPACKET socket. Names, paths and strings of options are not part of it: folders
// are descriptors that come with the packet, options are fields. Pure.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/mount/folder_options.h"

namespace ecryptfs::mount {

inline constexpr std::size_t kMaxRequest = 1024;
inline constexpr std::size_t kMaxReply = 1024;
inline constexpr std::size_t kMaxKeys = 32;

// With two descriptors: the lower folder, then the upper.
struct MountRequest {
    FolderOptions options;
    bool may_hide_files = false;  // the upper folder need not be empty
};

// With one descriptor: the folder that the mount point is in.
struct UnmountRequest {
    std::string name;            // of the mount point in that folder; no path
    std::uint64_t mount_id = 0;  // the first field of its line in mountinfo
    bool lazy = false;
};

using Request = std::variant<MountRequest, UnmountRequest>;

constexpr std::size_t descriptor_count(const Request& request) {
    return std::holds_alternative<MountRequest>(request) ? 2 : 1;
}

// kInvalidArgument for a request that parse_request() would refuse.
base::Result<std::vector<std::uint8_t>> encode_request(const Request& request);

// kMalformed: of another version, too long or too short, unknown flags, ciphers, sizes of keys; no
// key or too many; a name that is a path.
base::Result<Request> parse_request(base::ByteView packet);

enum class Verdict : std::uint8_t {
    kDone,
    kBadRequest,
    kNotAFolder,      // a descriptor is of something else
    kLowerOfAnother,  // `owner` is not the user
    kUpperOfAnother,  // `owner` is not the user
    kUnfitLower,      // on a file system that holds no files of users, as /proc
    kUnfitUpper,
    kUpperNotEmpty,
    kUpperUnreadable,  // `error_number`: whose it is or whether it is empty cannot be told
    kPathTooLong,      // of the lower folder, for the kernel's interface
    kLowerExchanged,   // the kernel found another folder by the path than the descriptor's
    kMountFailed,      // `error_number` and `kernel_said`
    kNotThatMount,     // no eCryptfs of that number is mounted there
    kMountOfAnother,   // `owner` is not the user
    kUnmountFailed,    // `error_number`
    kLowerUnreadable,  // `error_number`: whose it is cannot be told
};

struct Reply {
    Verdict verdict = Verdict::kDone;
    int error_number = 0;
    std::uint32_t owner = 0;       // a user's number
    std::string kernel_said = {};  // the kernel's own line in its log; printable ASCII
};

std::vector<std::uint8_t> encode_reply(const Reply& reply);
base::Result<Reply> parse_reply(base::ByteView packet);

}  // namespace ecryptfs::mount
