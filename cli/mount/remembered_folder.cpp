// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/remembered_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/files/whole_file.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

Json signatures_json(const std::vector<KeySignature>& signatures) {
    Json list = Json::array();
    for (const auto& signature : signatures) {
        list.push_back(signature.text());
    }
    return list;
}

std::vector<KeySignature> parse_signatures(const Json& list) {
    std::vector<KeySignature> signatures;
    for (const auto& text : list) {
        signatures.push_back(
            base::value_or_throw(KeySignature::from_text(text.get<std::string>())));
    }
    return signatures;
}

Json folder_json(const RememberedFolder& folder) {
    Json locators = Json::object();
    for (const auto& [signature, locator] : folder.locators) {
        locators[std::string(signature.text())] = locator;
    }
    const auto& options = folder.options;
    return {{"lower", folder.lower},
            {"upper", folder.upper},
            {"keys", signatures_json(options.keys)},
            {"recovery", signatures_json(folder.recovery)},
            {"name_keys", signatures_json(options.name_keys)},
            {"cipher", options.cipher},
            {"key_bytes", options.key_bytes},
            {"xattr", options.xattr},
            {"passthrough", options.passthrough},
            {"unlink_keys", options.unlink_keys},
            {"locators", locators},
            {"folder_key", folder.folder_key},
            {"kernel", folder.way == MountWay::kKernel}};
}

// nlohmann::json would convert a number of another kind into a wrong one.
unsigned small_number(const Json& number) {
    if (!number.is_number_unsigned() || number.get<std::uint64_t>() > 1024) {
        throw base::Failure({ErrorCode::kMalformed, "key_bytes is not the size of a key"});
    }
    return number.get<unsigned>();
}

std::string absolute_path(const Json& json) {
    auto path = json.get<std::string>();
    if (!path.starts_with('/')) {
        throw base::Failure(
            {ErrorCode::kMalformed, fmt::format("\"{}\" is not an absolute path", path)});
    }
    return path;
}

// Member by member: what throws within an initializer list makes GCC 12 destroy members twice.
RememberedFolder parse_folder(const Json& json) {
    RememberedFolder folder;
    folder.lower = absolute_path(json.at("lower"));
    folder.upper = absolute_path(json.at("upper"));
    folder.recovery = parse_signatures(json.at("recovery"));
    auto& options = folder.options;
    options.keys = parse_signatures(json.at("keys"));
    options.name_keys = parse_signatures(json.at("name_keys"));
    options.cipher = json.at("cipher").get<std::string>();
    options.key_bytes = small_number(json.at("key_bytes"));
    options.xattr = json.at("xattr").get<bool>();
    options.passthrough = json.at("passthrough").get<bool>();
    options.unlink_keys = json.at("unlink_keys").get<bool>();
    for (const auto& [signature, locator] : json.at("locators").items()) {
        folder.locators[base::value_or_throw(KeySignature::from_text(signature))] =
            locator.get<std::string>();
    }
    // Files from before there were folder keys, and a mount in user space, do not have these.
    folder.folder_key = json.value("folder_key", "");
    folder.way = json.value("kernel", true) ? MountWay::kKernel : MountWay::kUserSpace;
    return folder;
}

Result<std::vector<RememberedFolder>> read_folders(const std::string& path) {
    const auto text = TRY(read_user_file(path));
    auto folders = text ? parse_remembered(*text) : std::vector<RememberedFolder>{};
    if (!folders) {
        return std::unexpected(Error{ErrorCode::kMalformed,
                                     fmt::format("{}: {}", path, folders.error().message),
                                     "mend it, or remove it: it only saves typing"});
    }
    return folders;
}

}  // namespace

Result<std::vector<RememberedFolder>> parse_remembered(std::string_view text) {
    std::vector<RememberedFolder> folders;
    const auto failed = [&](std::string_view what) {
        return std::unexpected(
            Error{ErrorCode::kMalformed, fmt::format("folder {}: {}", folders.size() + 1, what)});
    };
    try {
        const Json file = Json::parse(text);
        for (const auto& json : file.at("folders")) {
            folders.push_back(parse_folder(json));
        }
    } catch (const Json::parse_error& wrong) {  // has the line
        return std::unexpected(Error{ErrorCode::kMalformed, wrong.what()});
    } catch (const Json::exception& wrong) {
        return failed(wrong.what());
    } catch (const base::Failure& wrong) {
        return failed(wrong.error().message);
    }
    return folders;
}

Result<std::string> remembered_text(const std::vector<RememberedFolder>& folders) {
    Json list = Json::array();
    for (const auto& folder : folders) {
        list.push_back(folder_json(folder));
    }
    const Json file{{"folders", list}};
    try {
        return file.dump(2) + "\n";
    } catch (const Json::exception&) {  // with another name the folder would not be found again
        return std::unexpected(Error{ErrorCode::kNotSupported,
                                     "a folder whose path is not UTF-8 cannot be remembered",
                                     "rename it, or say each time how it is mounted"});
    }
}

std::string remembered_folders_path(const std::string& home) {
    const char* configuration = std::getenv("XDG_CONFIG_HOME");
    return (configuration != nullptr && *configuration == '/' ? std::string(configuration)
                                                              : home + "/.config") +
           "/ecryptfs-agent/folders.json";
}

Result<std::optional<RememberedFolder>> remembered_folder(const std::string& path,
                                                          const std::string& lower) {
    const auto folders = TRY(read_folders(path));
    const auto found = std::ranges::find(folders, lower, &RememberedFolder::lower);
    return found == folders.end() ? std::nullopt : std::optional(*found);
}

Result<std::optional<RememberedFolder>> remembered_upper_folder(const std::string& path,
                                                                const std::string& upper) {
    auto folders = TRY(read_folders(path));
    std::ranges::reverse(folders);  // the last one was written last
    const auto found = std::ranges::find(folders, upper, &RememberedFolder::upper);
    return found == folders.end() ? std::nullopt : std::optional(*found);
}

Result<void> remember(const std::string& path, const RememberedFolder& folder) {
    auto folders = TRY(read_folders(path));
    std::erase_if(folders, [&](const auto& other) { return other.lower == folder.lower; });
    folders.push_back(folder);
    const auto text = TRY(remembered_text(folders));
    std::error_code failed;
    fs::create_directories(fs::path(path).parent_path(), failed);
    return write_whole_file(path, base::as_bytes(text), base::IfThere::kReplace);
}

}  // namespace ecryptfs::cli
