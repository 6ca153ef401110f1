// SPDX-License-Identifier: Apache-2.0

#include "fuse/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/number.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"

namespace ecryptfs::fuse {
namespace {

using base::ErrorCode;
using base::Result;

struct MountOption {
    std::string name;
    std::string value;  // empty for a flag
};

std::unexpected<base::Error> bad_option(std::string message) {
    return std::unexpected(
        base::Error{ErrorCode::kInvalidArgument, std::move(message), "see ecryptfs-fuse --help"});
}

MountOption split_option(std::string_view text) {
    const auto equals = text.find('=');
    return {std::string(text.substr(0, equals)),
            equals == std::string_view::npos ? "" : std::string(text.substr(equals + 1))};
}

Result<wire::KeySignature> parse_signature(const MountOption& option) {
    auto signature = wire::KeySignature::from_text(option.value);
    if (!signature) {
        return bad_option(
            fmt::format("{}={} is not a key's signature, which is 16 hexadecimal digits",
                        option.name, option.value));
    }
    return signature;
}

Result<unsigned> parse_key_bytes(const MountOption& option) {
    const auto bytes = base::parse_number<unsigned>(option.value);
    if (!bytes) {
        return bad_option(fmt::format("{}={} is not a number of bytes", option.name, option.value));
    }
    return *bytes;
}

// The names that the kernel's mount has. It ignores the first three as well.
constexpr auto kIgnored = std::to_array<std::string_view>(
    {"ecryptfs_unlink_sigs", "ecryptfs_check_dev_ruid", "ecryptfs_enable_filename_crypto"});
constexpr auto kNotYet = std::to_array<std::string_view>(
    {"ecryptfs_passthrough", "ecryptfs_encrypted_view", "ecryptfs_mount_auth_tok_only"});

// Whether it is one of eCryptfs' options, which `folder` then has.
Result<bool> take_folder_option(const MountOption& option, mount::FolderOptions& folder) {
    const auto& name = option.name;
    if (name == "ecryptfs_sig" || name == "key") {
        const auto signature = TRY(parse_signature(option));
        folder.keys.push_back(signature);
    } else if (name == "ecryptfs_fnek_sig" || name == "name_key") {
        const auto signature = TRY(parse_signature(option));
        folder.name_keys = {signature};
    } else if (name == "ecryptfs_cipher" || name == "cipher") {
        folder.cipher = option.value;
    } else if (name == "ecryptfs_key_bytes" || name == "key_bytes") {
        folder.key_bytes = TRY(parse_key_bytes(option));
    } else if (name == "ecryptfs_xattr_metadata") {
        folder.xattr = true;
    } else if (std::ranges::find(kNotYet, name) != kNotYet.end()) {
        return bad_option(fmt::format("ecryptfs-fuse does not have the option {} yet", name));
    } else {
        return std::ranges::find(kIgnored, name) != kIgnored.end();
    }
    return true;
}

Result<void> take_options(const std::string& list, Options& options) {
    for (std::string_view rest = list; !rest.empty();) {
        const auto text = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), text.size() + 1));
        const auto option = split_option(text);
        options.folder.read_only = options.folder.read_only || option.name == "ro";
        const bool is_ours = TRY(take_folder_option(option, options.folder));
        if (!is_ours && !text.empty()) {
            options.fuse.emplace_back(text);
        }
    }
    return {};
}

// {} is the command that adds a key.
constexpr char kFooter[] =
    "OPTIONS of eCryptfs, as the kernel's mount has them:\n"
    "  ecryptfs_sig=SIGNATURE       a key for contents; each of several opens every new file\n"
    "  ecryptfs_fnek_sig=SIGNATURE  the key for names; without it names are not encrypted\n"
    "  ecryptfs_cipher=NAME         aes (default), des3_ede, blowfish, cast5\n"
    "  ecryptfs_key_bytes=N         16 (default), 24, 32\n"
    "                               (or key, name_key, cipher, key_bytes)\n"
    "  ecryptfs_xattr_metadata      headers in the extended attribute user.ecryptfs\n"
    "and ro, allow_other and what else FUSE has: fuse(8).\n\n"
    "A key is added before: {}. To unmount: fusermount3 -u UPPER";

}  // namespace

std::expected<Options, int> parse_options(int argc, char** argv) {
    Options options;
    std::vector<std::string> lists;
    CLI::App app(
        "Mounts an eCryptfs folder in user space: the files of LOWER appear decrypted in UPPER.",
        "ecryptfs-fuse");
    app.set_version_flag("--version", "ecryptfs-fuse " ECRYPTFS_VERSION);
    app.add_option("LOWER", options.lower, "the folder with encrypted files")->required();
    app.add_option("UPPER", options.upper, "the folder to mount on")->required();
    app.add_option("-o", lists, "options of the mount, see below")->type_name("OPTION,...");
    app.add_flag("-f,--foreground", options.foreground, "stay in the foreground");
    app.add_flag("--keys-on-stdin", options.keys_on_stdin, "take keys that ecryptfsctl hands over");
    app.footer(fmt::format(kFooter, base::kAddPassphraseCommand));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const bool failed = app.exit(error) != 0;
        return std::unexpected(failed ? base::traits(ErrorCode::kInvalidArgument).status : 0);
    }
    for (const auto& list : lists) {
        if (const auto taken = take_options(list, options); !taken) {
            return std::unexpected(report(taken.error()));
        }
    }
    return options;
}

int report(const base::Error& error) {
    fmt::print(stderr, "ecryptfs-fuse: {}\n", error.message);
    if (!error.advice.empty()) {
        fmt::print(stderr, "try: {}\n", error.advice);
    }
    return base::traits(error.code).status;
}

}  // namespace ecryptfs::fuse
