// SPDX-License-Identifier: Apache-2.0

#include "cli/files/key_advice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "cli/files/wrapped_file.h"
#include "lib/base/shell_word.h"
#include "lib/lower/passphrase.h"
#include "lib/lower/wrapped_passphrase.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::shell_word;
using Kind = PassphraseOrigin::Kind;

constexpr char kWrappedFile[] = ".ecryptfs/wrapped-passphrase";

struct WrappedFile {
    std::string path;
    lower::WrappedPassphrase content;
};

// Wrapped-passphrase files in the folders above the lower ones, and in the home.
std::vector<WrappedFile> find_wrapped_files(std::span<const std::string> lower) {
    std::vector<fs::path> folders;
    for (const auto& path : lower) {
        std::error_code ignored;
        auto folder = fs::weakly_canonical(path, ignored);
        while (!ignored && folder.has_relative_path()) {
            folder = folder.parent_path();
            folders.push_back(folder);
        }
    }
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
        folders.emplace_back(home);
    }
    std::vector<WrappedFile> found;
    for (const auto& folder : folders) {
        const auto path = folder / kWrappedFile;
        if (std::ranges::find(found, path.string(), &WrappedFile::path) != found.end()) {
            continue;
        }
        if (auto content = read_found_wrapped_file(path.string())) {
            found.push_back({path.string(), std::move(*content)});
        }
    }
    return found;
}

bool was_given(const GivenKeys& keys, const std::string& wrapped_file) {
    return std::ranges::any_of(keys.passphrases(), [&](const auto& given) {
        std::error_code ignored;
        return given.origin.kind == Kind::kWrapped &&
               fs::equivalent(given.origin.file, wrapped_file, ignored);
    });
}

bool is_unused(const GivenKeys& keys, const GivenPassphrase& given) {
    return !keys.file_keys().was_used(given.signature) &&
           !keys.file_keys().was_used(given.name_signature);
}

std::string origin_in_words(const PassphraseOrigin& origin) {
    switch (origin.kind) {
        case Kind::kFile:
            return fmt::format("the passphrase {} {}", origin.file == kStandardInput ? "on" : "in",
                               origin.file);
        case Kind::kWrapped:
            return fmt::format("the mount passphrase in {}", origin.file);
        case Kind::kTyped:
            break;
    }
    return "the passphrase that was typed";
}

// For a login passphrase that was given instead of the mount passphrase.
std::optional<std::string> advice_on_wrapping(const GivenPassphrase& given,
                                              std::span<const WrappedFile> files) {
    for (const auto& file : files) {
        const auto key = lower::derive_passphrase_key(given.passphrase.view(), file.content.salt);
        if (given.origin.kind == Kind::kWrapped || !key ||
            key->signature != file.content.signature) {
            continue;
        }
        const bool in_file = given.origin.kind == Kind::kFile;
        const bool on_input = in_file && given.origin.file == kStandardInput;
        const auto source = on_input ? std::string("-") : shell_word(given.origin.file);
        const auto option = fmt::format("--wrapped {}", shell_word(file.path));
        return in_file ? fmt::format(
                             "it is the wrapping passphrase of {}: give {} "
                             "--wrapping-passphrase-file {} instead of --passphrase-file {}",
                             file.path, option, source, source)
                       : fmt::format(
                             "it is the wrapping passphrase of {}: give {} instead of "
                             "--passphrase, and type it again",
                             file.path, option);
    }
    return std::nullopt;
}

// For a passphrase that needs another salt only.
std::optional<std::string> advice_on_salt(const GivenPassphrase& given, const KeyDemand& demand,
                                          const GivenKeys& keys) {
    if (given.salt != lower::kDefaultSalt) {
        const auto key = lower::derive_passphrase_key(given.passphrase.view(), lower::kDefaultSalt);
        if (key && demand.wants_passphrase(key->signature)) {
            return "leave --salt out: with the default salt that passphrase is the right one";
        }
    } else if (demand.wants_contents() && keys.file_keys().was_used(given.name_signature) &&
               !keys.file_keys().was_used(given.signature)) {
        return fmt::format(
            "give --salt HEX, if the salt of the contents is another: {} opens names",
            origin_in_words(given.origin));
    }
    return std::nullopt;
}

std::vector<std::string> advice_on_passphrases(const KeyDemand& demand, const GivenKeys& keys,
                                               std::span<const WrappedFile> files) {
    const auto& given = keys.passphrases();
    const auto is_direct = [](const auto& each) { return each.origin.kind != Kind::kWrapped; };
    const bool any_direct = std::ranges::any_of(given, is_direct);
    std::vector<std::string> ways;
    if (std::ranges::any_of(given,
                            [](const auto& each) { return each.origin.kind == Kind::kTyped; })) {
        ways.emplace_back("the mount passphrase once more, if it was mistyped");
    }
    const auto file =
        std::ranges::find_if(files, [&](const auto& each) { return !was_given(keys, each.path); });
    if (file != files.end()) {
        ways.push_back(
            fmt::format("--wrapped {} and the login passphrase", shell_word(file->path)));
    } else if (any_direct) {
        ways.emplace_back("--wrapped FILE, if what was given is a login passphrase");
    } else {
        ways.emplace_back("the mount passphrase with --passphrase");
    }
    const bool default_salt = std::ranges::any_of(
        given, [](const auto& each) { return each.salt == lower::kDefaultSalt; });
    if (demand.wants_contents() && !given.empty()) {
        ways.emplace_back(default_salt ? "--salt HEX, if the mount had a salt of its own"
                                       : "another --salt");
    }
    return ways;
}

}  // namespace

std::vector<std::string> describe_unused_keys(const GivenKeys& keys) {
    std::vector<std::string> lines;
    for (const auto& given : keys.passphrases()) {
        if (is_unused(keys, given)) {
            lines.push_back(fmt::format("{} has signature {}, {} for names, and opens nothing here",
                                        origin_in_words(given.origin), given.signature.text(),
                                        given.name_signature.text()));
        }
    }
    for (const auto& [name, signature] : keys.private_keys()) {
        if (!keys.file_keys().was_used(signature)) {
            lines.push_back(
                fmt::format("{} has signature {}, and opens nothing here", name, signature.text()));
        }
    }
    return lines;
}

std::string missing_key_advice(const KeyDemand& demand, const GivenKeys& keys,
                               std::span<const std::string> lower) {
    const auto files =
        demand.wants_passphrase() ? find_wrapped_files(lower) : std::vector<WrappedFile>();
    for (const auto& given : keys.passphrases()) {
        auto exact = advice_on_salt(given, demand, keys);
        if (!exact && is_unused(keys, given)) {
            exact = advice_on_wrapping(given, files);
        }
        if (exact) {
            return *exact;
        }
    }
    std::vector<std::string> ways;
    if (demand.wants_private_key()) {
        ways.emplace_back(keys.private_keys().empty() ? "the key with --key URI"
                                                      : "another key with --key URI");
    }
    if (demand.wants_passphrase()) {
        std::ranges::move(advice_on_passphrases(demand, keys, files), std::back_inserter(ways));
    }
    return fmt::format("give {}", fmt::join(ways, "; or "));
}

}  // namespace ecryptfs::cli
