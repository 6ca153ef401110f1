// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/mounted_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/number.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

std::string_view next_field(std::string_view& text, char separator) {
    const auto end = std::min(text.find(separator), text.size());
    const auto field = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return field;
}

Result<bool> take_signature(std::string_view value, std::vector<wire::KeySignature>& signatures) {
    const auto signature = TRY(wire::KeySignature::from_text(value));
    if (std::ranges::find(signatures, signature) == signatures.end()) {
        signatures.push_back(signature);
    }
    return true;
}

Result<bool> take_number(std::string_view value, unsigned& number) {
    const auto parsed = base::parse_number<unsigned>(value);
    if (!parsed) {
        return std::unexpected(
            Error{ErrorCode::kMalformed, fmt::format("\"{}\" is not a number", value)});
    }
    number = *parsed;
    return true;
}

void take_options(std::string_view list, FolderOptions& options) {
    while (!list.empty()) {
        // The kernel, or ecryptfs-fuse, has already validated these.
        static_cast<void>(take_option(next_field(list, ','), options));
    }
}

constexpr std::string_view kKernelType = "ecryptfs";
constexpr std::string_view kUserSpaceType = "fuse.ecryptfs-fuse";

// fuse(4): user_id=1000
std::optional<uid_t> parse_owner(std::string_view options) {
    constexpr std::string_view kName = "user_id=";
    while (!options.empty()) {
        auto option = next_field(options, ',');
        if (option.starts_with(kName)) {
            return base::parse_number<uid_t>(option.substr(kName.size()));
        }
    }
    return std::nullopt;
}

// proc(5): 36 35 98:0 /root /mnt/point rw,noatime master:1 - type source superoptions
bool take_mount(std::string_view line, MountedFolder& mount) {
    std::array<std::string_view, 6> fields;
    for (auto& field : fields) {
        field = next_field(line, ' ');
    }
    if (const auto optional_end = line.find("- "); optional_end != std::string_view::npos) {
        line.remove_prefix(optional_end + 2);
    }
    const auto type = next_field(line, ' ');
    if (type != kKernelType && type != kUserSpaceType) {
        return false;
    }
    mount.way = type == kKernelType ? MountWay::kKernel : MountWay::kUserSpace;
    mount.id = base::parse_number<std::uint64_t>(fields[0]).value_or(0);
    mount.upper = unescaped_field(fields[4]);
    mount.lower = unescaped_field(next_field(line, ' '));
    mount.options.unlink_keys = false;
    take_options(fields[5], mount.options);
    if (mount.way == MountWay::kKernel) {
        take_options(line, mount.options);
    } else {
        mount.owner = parse_owner(line);
    }
    return true;
}

// ecryptfs-fuse has short names for some options, as its --help says.
void take_fuse_options(std::string_view list, FolderOptions& options) {
    constexpr auto kShort = std::to_array<std::string_view>({"cipher", "key_bytes"});
    std::string full;
    while (!list.empty()) {
        const auto option = next_field(list, ',');
        const auto name = option.substr(0, option.find('='));
        const auto value = option.substr(name.size());
        if (name == "key") {
            full += fmt::format("ecryptfs_sig{},", value);
        } else if (name == "name_key") {
            full += fmt::format("ecryptfs_fnek_sig{},", value);
        } else {
            const bool is_short = std::ranges::find(kShort, name) != kShort.end();
            full += fmt::format("{}{},", is_short ? "ecryptfs_" : "", option);
        }
    }
    take_options(full, options);
}

bool is_fuse_program(std::string_view program) {
    return program.substr(program.rfind('/') + 1) == "ecryptfs-fuse";
}

}  // namespace

std::string kernel_options(const FolderOptions& options) {
    std::string text;
    for (const auto& [name, value] : mount::kernel_option_list(options)) {
        text += text.empty() ? "" : ",";
        text += value.empty() ? name : fmt::format("{}={}", name, value);
    }
    return text;
}

std::string mount_options(const FolderOptions& options) {
    return fmt::format("nosuid,nodev,{}{}", options.read_only ? "ro," : "",
                       kernel_options(options));
}

std::string fstab_line(const std::string& lower, const std::string& upper,
                       const FolderOptions& options, MountWay way) {
    const bool by_kernel = way == MountWay::kKernel;
    return fmt::format("{} {} {} noauto,{}{} 0 0", escaped_field(lower), escaped_field(upper),
                       by_kernel ? kKernelType : kUserSpaceType, by_kernel ? "" : "user,",
                       mount_options(options));
}

Result<bool> parse_yes_or_no(std::string_view value) {
    if (value.empty() || value == "y" || value == "yes") {
        return true;
    }
    if (value == "n" || value == "no") {
        return false;
    }
    return std::unexpected(
        Error{ErrorCode::kMalformed, fmt::format("\"{}\" is neither y nor n", value)});
}

Result<bool> take_option(std::string_view option, FolderOptions& options) {
    const auto name = next_field(option, '=');
    if (name == "ecryptfs_sig") {
        return take_signature(option, options.keys);
    }
    if (name == "ecryptfs_fnek_sig") {
        auto taken = take_signature(option, options.name_keys);
        return taken && options.name_keys.size() > 1
                   ? std::unexpected(Error{ErrorCode::kMalformed, "names have one key only"})
                   : taken;
    }
    if (name == "ecryptfs_cipher") {
        options.cipher = option;
        return true;
    }
    if (name == "ecryptfs_key_bytes") {
        return take_number(option, options.key_bytes);
    }
    if (name == "ro") {
        options.read_only = true;
        return true;
    }
    const auto flags = mount::flag_options();
    const auto flag = std::ranges::find(flags, name, &mount::FlagOption::name);
    if (flag == flags.end()) {
        return false;
    }
    const auto yes = TRY(parse_yes_or_no(option));
    options.*flag->member = yes;
    return true;
}

bool uses_key(const MountedFolder& mount, const wire::KeySignature& signature) {
    return std::ranges::find(mount.options.keys, signature) != mount.options.keys.end() ||
           std::ranges::find(mount.options.name_keys, signature) != mount.options.name_keys.end();
}

std::vector<MountedFolder> parse_mount_table(std::string_view mountinfo) {
    std::vector<MountedFolder> mounts;
    while (!mountinfo.empty()) {
        MountedFolder mount;
        if (take_mount(next_field(mountinfo, '\n'), mount)) {
            mounts.push_back(std::move(mount));
        }
    }
    return mounts;
}

std::optional<MountedFolder> parse_fuse_command(std::string_view command_line) {
    if (!is_fuse_program(next_field(command_line, '\0'))) {
        return std::nullopt;
    }
    std::vector<std::string_view> folders;
    MountedFolder mount{"", "", {.unlink_keys = false}, 0, MountWay::kUserSpace};
    while (!command_line.empty()) {
        const auto word = next_field(command_line, '\0');
        if (word == "-o") {
            take_fuse_options(next_field(command_line, '\0'), mount.options);
        } else if (word.starts_with("-o")) {
            take_fuse_options(word.substr(2), mount.options);
        } else if (!word.starts_with('-')) {
            folders.push_back(word);
        }
    }
    if (folders.size() != 2) {
        return std::nullopt;
    }
    mount.lower = folders[0];
    mount.upper = folders[1];
    return mount;
}

std::string escaped_field(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        escaped += std::string_view(" \t\n\\#").contains(c)
                       ? fmt::format("\\{:03o}", static_cast<unsigned char>(c))
                       : std::string(1, c);
    }
    return escaped;
}

std::string unescaped_field(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        const auto digits = text.substr(1, 3);
        const auto byte = base::parse_number<std::uint8_t>(digits, 8);
        if (text.front() == '\\' && digits.size() == 3 && byte) {
            plain += static_cast<char>(*byte);
            text.remove_prefix(4);
        } else {
            plain += text.front();
            text.remove_prefix(1);
        }
    }
    return plain;
}

}  // namespace ecryptfs::cli
