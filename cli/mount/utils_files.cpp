// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/utils_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "cli/files/file_error.h"
#include "cli/files/whole_file.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

constexpr std::string_view kNameEncryption = "ecryptfs_enable_filename_crypto";

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r";
    const auto start = std::min(text.find_first_not_of(kBlanks), text.size());
    text.remove_prefix(start);
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find(separator), text.size());
        parts.push_back(trimmed(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

Error line_error(std::size_t line, std::string_view what) {
    return {ErrorCode::kMalformed, fmt::format("line {}: {}", line, what)};
}

// `problem`: "line 2: …".
Error file_problem(const fs::path& file, std::string_view problem) {
    return {ErrorCode::kMalformed, fmt::format("{}: {}", file.string(), problem),
            "mend that line, or name the keys without the file: --fresh --key SIG"};
}

// The options of one line, separated by commas. `read` collects those of all lines.
void take_line_options(std::string_view line, std::size_t number, UtilsOptions& read, bool& names) {
    for (const auto option : split(line, ',')) {
        const auto equals = std::min(option.find('='), option.size());
        const auto name = trimmed(option.substr(0, equals));
        const auto value = trimmed(option.substr(std::min(equals + 1, option.size())));
        const bool is_name_encryption = name == kNameEncryption;
        const auto taken =
            is_name_encryption
                ? parse_yes_or_no(value)
                : take_option(value.empty() ? std::string(name) : fmt::format("{}={}", name, value),
                              read.options);
        if (!taken) {
            read.problems.push_back(
                fmt::format("line {}: {}: {}", number, name, taken.error().message));
        } else if (is_name_encryption) {
            names = *taken;
        }
    }
}

// A link on the way, as ~/.Private of an encrypted home is, leads to the same folder.
bool is_folder(const std::string& named, const std::string& canonical) {
    std::error_code missing;
    const auto path = fs::canonical(named, missing);
    return !missing && path == canonical;
}

// Takes the keys that ALIAS.sig names if the options name none. The file may be missing.
Result<void> take_keys(const fs::path& file, FolderOptions& options) {
    const auto text = TRY(read_user_file(file));
    if (!text) {
        return {};
    }
    const auto keys = parse_key_lines(*text);
    if (!keys) {
        return std::unexpected(file_problem(file, keys.error().message));
    }
    if (options.keys.empty()) {
        options.keys = {keys->contents};
    }
    if (options.name_keys.empty() && keys->names) {
        options.name_keys = {*keys->names};
    }
    return {};
}

// Sorted, so that always the same file is found first.
Result<std::vector<fs::path>> conf_files(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        if (entry->path().extension() == ".conf") {
            files.push_back(entry->path());
        }
    }
    if (failed && failed != std::errc::no_such_file_or_directory) {
        return std::unexpected(
            file_error(fmt::format("reading {}", folder.string()), failed.value()));
    }
    std::ranges::sort(files);
    return files;
}

// Nothing if the file is about another folder.
Result<std::optional<MountedFolder>> read_conf_folder(fs::path file, const std::string& lower) {
    const auto text = TRY(read_user_file(file));
    auto found = text ? parse_utils_conf(*text) : std::nullopt;
    if (!found || !is_folder(found->lower, lower)) {
        return std::nullopt;
    }
    if (!found->mount_options.problems.empty()) {
        return std::unexpected(file_problem(file, found->mount_options.problems.front()));
    }
    TRY(take_keys(file.replace_extension(".sig"), found->mount_options.options));
    return MountedFolder{found->lower, found->upper, found->mount_options.options};
}

// ~/.Private, whose keys Private.sig has.
Result<std::optional<MountedFolder>> private_folder(const fs::path& folder,
                                                    const std::string& lower) {
    MountedFolder found{lower, "", {}};
    TRY(take_keys(folder / "Private.sig", found.options));
    if (found.options.keys.empty()) {
        return std::nullopt;
    }
    const auto file = folder / "Private.mnt";
    const auto text = TRY(read_user_file(file));
    if (text) {
        const auto upper = parse_mount_point(*text);
        if (!upper) {
            return std::unexpected(file_problem(file, upper.error().message));
        }
        found.upper = *upper;
    }
    return found;
}

}  // namespace

UtilsOptions parse_ecryptfsrc(std::string_view text) {
    UtilsOptions read;
    bool names = true;
    std::size_t number = 0;
    for (const auto line : split(text, '\n')) {
        ++number;
        if (!line.starts_with('#')) {
            take_line_options(line, number, read, names);
        }
    }
    if (!names) {
        read.options.name_keys.clear();
    }
    return read;
}

std::optional<UtilsFolder> parse_utils_conf(std::string_view text) {
    std::size_t number = 0;
    for (const auto line : split(text, '\n')) {
        ++number;
        std::istringstream fields{std::string(line)};
        std::string lower, upper, type, options;
        fields >> lower >> upper >> type >> options;
        if (lower.starts_with('#') || type != "ecryptfs") {
            continue;
        }
        UtilsFolder folder{unescaped_field(lower), unescaped_field(upper), {}};
        bool names = true;
        take_line_options(options, number, folder.mount_options, names);
        return folder;
    }
    return std::nullopt;
}

Result<UtilsKeys> parse_key_lines(std::string_view text) {
    const auto lines = split(text, '\n');
    const auto contents = KeySignature::from_text(lines.empty() ? "" : lines[0]);
    if (!contents) {
        return std::unexpected(line_error(1, contents.error().message));
    }
    UtilsKeys keys{*contents};
    const bool is_all =
        std::ranges::all_of(lines.begin() + 1, lines.end(), &std::string_view::empty);
    if (!is_all) {
        const auto names = KeySignature::from_text(lines[1]);
        if (!names) {
            return std::unexpected(line_error(2, names.error().message));
        }
        keys.names = *names;
    }
    return keys;
}

Result<std::string> parse_mount_point(std::string_view text) {
    const auto path = trimmed(text.substr(0, text.find('\n')));
    if (!path.starts_with('/') || path.contains('\0')) {
        return std::unexpected(line_error(1, fmt::format("\"{}\" is not an absolute path", path)));
    }
    return std::string(path);
}

std::vector<KeySignature> parse_signature_cache(std::string_view text) {
    std::vector<KeySignature> signatures;
    for (const auto line : split(text, '\n')) {
        if (const auto signature = KeySignature::from_text(line)) {
            signatures.push_back(*signature);
        }
    }
    return signatures;
}

Result<std::optional<MountedFolder>> utils_folder(const std::string& home,
                                                  const std::string& lower) {
    const fs::path folder = fs::path(home) / ".ecryptfs";
    const auto files = TRY(conf_files(folder));
    for (const auto& file : files) {
        if (auto found = read_conf_folder(file, lower); !found || *found) {
            return found;
        }
    }
    return is_folder(home + "/.Private", lower) ? private_folder(folder, lower) : std::nullopt;
}

Result<std::optional<FolderOptions>> utils_options(const std::string& home) {
    const auto file = fs::path(home) / ".ecryptfsrc";
    const auto text = TRY(read_user_file(file));
    if (!text) {
        return std::nullopt;
    }
    auto read = parse_ecryptfsrc(*text);
    if (!read.problems.empty()) {
        return std::unexpected(file_problem(file, read.problems.front()));
    }
    return std::move(read.options);
}

std::vector<KeySignature> utils_signatures(const std::string& home) {
    const auto text = read_user_file(fs::path(home) / ".ecryptfs" / "sig-cache.txt");
    return text && *text ? parse_signature_cache(**text) : std::vector<KeySignature>{};
}

}  // namespace ecryptfs::cli
