// SPDX-License-Identifier: Apache-2.0

#include "cli/files/passphrase_sources.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "cli/ask/secret_source.h"
#include "cli/files/wrapped_file.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kPassphraseFile[] = "--passphrase-file";
constexpr char kWrappingFile[] = "--wrapping-passphrase-file";

std::string source_name(const std::string& file) {
    return file == "-" ? kStandardInput : file;
}

// The mount passphrase in a file. Without a file for the wrapping passphrase, asks.
Result<base::SecretBytes> unwrap(const std::string& path,
                                 const std::optional<std::string>& wrapping_file) {
    const auto question = fmt::format("Wrapping passphrase of {}: ", path);
    auto passphrase = read_and_unwrap(path, {wrapping_file, question, kWrappingFile});
    if (!passphrase && passphrase.error().code == ErrorCode::kWrongSecret) {
        passphrase.error().message = fmt::format("{}: {}", path, passphrase.error().message);
    }
    return passphrase;
}

}  // namespace

Result<void> check_sources(const PassphraseSources& sources,
                           std::span<const std::string> other_files) {
    std::vector<std::optional<std::string>> files(other_files.begin(), other_files.end());
    files.insert(files.end(), sources.passphrase_files.begin(), sources.passphrase_files.end());
    files.insert(files.end(), sources.wrapping_files.begin(), sources.wrapping_files.end());
    TRY(check_standard_input_once(files));
    if (sources.wrapping_files.size() > sources.wrapped.size()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "more --wrapping-passphrase-file than --wrapped",
                                     "give the first file for the first --wrapped, and so on"});
    }
    if (sources.salt && !sources.passphrase && sources.passphrase_files.empty() &&
        sources.wrapped.empty()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "--salt belongs to a mount passphrase, and none is given",
                                     "give it with --passphrase, --passphrase-file or --wrapped"});
    }
    return {};
}

Result<void> add_passphrases(GivenKeys& given, const PassphraseSources& sources) {
    const auto salt = TRY(parse_salt(sources.salt));
    const auto add = [&](Result<base::SecretBytes> passphrase,
                         PassphraseOrigin origin) -> Result<void> {
        return passphrase ? given.add_passphrase(std::move(*passphrase), salt, std::move(origin))
                          : std::unexpected(std::move(passphrase.error()));
    };
    for (const auto& file : sources.passphrase_files) {
        if (auto added = add(read_passphrase({file, kMountQuestion, kPassphraseFile}),
                             {PassphraseOrigin::Kind::kFile, source_name(file)});
            !added) {
            return added;
        }
    }
    for (std::size_t i = 0; i < sources.wrapped.size(); ++i) {
        const auto& path = sources.wrapped[i];
        const bool in_file = i < sources.wrapping_files.size();
        if (auto added =
                add(unwrap(path, in_file ? std::optional(sources.wrapping_files[i]) : std::nullopt),
                    {PassphraseOrigin::Kind::kWrapped, path});
            !added) {
            return added;
        }
    }
    return sources.passphrase
               ? add(read_passphrase({std::nullopt, kMountQuestion, kPassphraseFile}),
                     {PassphraseOrigin::Kind::kTyped, ""})
               : Result<void>();
}

}  // namespace ecryptfs::cli
