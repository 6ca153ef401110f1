// SPDX-License-Identifier: Apache-2.0

#include "cli/utils_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "cli/whole_file.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r";
    const auto start = std::min(text.find_first_not_of(kBlanks), text.size());
    text.remove_prefix(start);
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(separators), text.size());
        parts.push_back(trimmed(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

// A link on the way, as ~/.Private of an encrypted home is, leads to the same folder.
bool is_folder(const std::string& named, const std::string& canonical) {
    std::error_code none_there;
    const auto path = fs::canonical(named, none_there);
    return !none_there && path == canonical;
}

void take_signatures(const fs::path& file, FolderOptions& options) {
    const auto signatures = parse_signatures(content_of(file));
    if (!signatures.empty() && options.keys.empty()) {
        options.keys = {signatures.front()};
    }
    if (signatures.size() > 1 && options.name_keys.empty()) {
        options.name_keys = {signatures[1]};
    }
}

}  // namespace

UtilsOptions parse_ecryptfsrc(std::string_view text) {
    UtilsOptions result;
    bool names = true;
    for (const auto option : split(text, ",\n")) {
        if (option.starts_with('#')) {
            continue;
        }
        if (option == "ecryptfs_enable_filename_crypto=n") {
            names = false;
        }
        if (const auto taken = take_option(option, result.options); !taken) {
            result.problems.push_back(
                fmt::format("{}: {}", option.substr(0, option.find('=')), taken.error().message));
        }
    }
    if (!names) {
        result.options.name_keys.clear();
    }
    return result;
}

std::optional<MountedFolder> parse_utils_conf(std::string_view text) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string lower, upper, type, options;
        fields >> lower >> upper >> type >> options;
        if (lower.starts_with('#') || type != "ecryptfs") {
            continue;
        }
        MountedFolder folder{unescaped_field(lower), unescaped_field(upper), {}};
        for (const auto option : split(options, ",")) {
            static_cast<void>(take_option(option, folder.options));
        }
        return folder;
    }
    return std::nullopt;
}

std::vector<wire::KeySignature> parse_signatures(std::string_view text) {
    std::vector<wire::KeySignature> signatures;
    for (const auto line : split(text, "\n")) {
        if (const auto signature = wire::KeySignature::from_text(line)) {
            signatures.push_back(*signature);
        }
    }
    return signatures;
}

std::optional<MountedFolder> utils_folder(const std::string& home, const std::string& lower) {
    const fs::path folder = fs::path(home) / ".ecryptfs";
    std::error_code none_there;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder, none_there)) {
        if (entry.path().extension() == ".conf") {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    for (auto& file : files) {
        auto found = parse_utils_conf(content_of(file));
        if (found && is_folder(found->lower, lower)) {
            take_signatures(file.replace_extension(".sig"), found->options);
            return found;
        }
    }
    if (!is_folder(home + "/.Private", lower)) {
        return std::nullopt;
    }
    const auto mount_point = content_of(folder / "Private.mnt");
    MountedFolder found{
        lower, std::string(trimmed(mount_point.substr(0, mount_point.find('\n')))), {}};
    take_signatures(folder / "Private.sig", found.options);
    return found.options.keys.empty() ? std::nullopt : std::optional(std::move(found));
}

std::optional<UtilsOptions> utils_options(const std::string& home) {
    const auto text = content_of(fs::path(home) / ".ecryptfsrc");
    return text.empty() ? std::nullopt : std::optional(parse_ecryptfsrc(text));
}

std::vector<wire::KeySignature> utils_signatures(const std::string& home) {
    return parse_signatures(content_of(fs::path(home) / ".ecryptfs" / "sig-cache.txt"));
}

}  // namespace ecryptfs::cli
