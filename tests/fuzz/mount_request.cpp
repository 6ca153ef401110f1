// SPDX-License-Identifier: Apache-2.0
//
// What ecryptfs-mount-helper, as root, reads of a process that the user may have taken over.

#include <algorithm>

#include "lib/mount/helper_protocol.h"
#include "lib/wire/cipher.h"
#include "tests/fuzz/check.h"

namespace ecryptfs::fuzz {
namespace {

void check_options(const mount::FolderOptions& options) {
    require(!options.keys.empty() && options.keys.size() <= mount::kMaxKeys, "some keys");
    require(options.name_keys.size() <= 1, "one key of names at most");
    const auto sizes = wire::key_sizes(options.cipher);
    require(std::ranges::find(sizes, options.key_bytes) != sizes.end(), "a size of the cipher's");
    for (const auto& [name, value] : mount::kernel_option_list(options)) {
        require((name + value).find_first_of(", =\n\\") == std::string::npos,
                "no option in another");
    }
}

}  // namespace

void try_input(base::ByteView input) {
    const auto request = mount::parse_request(input);
    if (!request) {
        require(request.error().code == base::ErrorCode::kMalformed, "refused as malformed");
    } else {
        if (const auto* mounting = std::get_if<mount::MountRequest>(&*request)) {
            check_options(mounting->options);
        } else {
            const auto& name = std::get<mount::UnmountRequest>(*request).name;
            require(!name.empty() && name != ".." && name.find('/') == std::string::npos,
                    "a name and no path");
        }
        const auto again = mount::encode_request(*request);
        require(again.has_value(), "what was parsed can be encoded");
        require_same(*again, input, "and is the same");
    }
    if (const auto reply = mount::parse_reply(input)) {
        require_same(mount::encode_reply(*reply), input, "a reply is the same again");
    }
}

}  // namespace ecryptfs::fuzz
