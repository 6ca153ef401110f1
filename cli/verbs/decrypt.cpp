// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/ask/passphrase_sources.h"
#include "cli/files/decrypt_stream.h"
#include "cli/files/decrypt_tree.h"
#include "cli/files/file_error.h"
#include "cli/files/file_json.h"
#include "cli/files/key_advice.h"
#include "cli/files/key_demand.h"
#include "cli/files/plain_path.h"
#include "cli/key_location.h"
#include "cli/output/output.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kStandardOutput[] = "-";

Result<void> add_keys(GivenKeys& given, const Decrypt& command) {
    const auto& files = command.key_passphrase_files;
    if (files.size() > command.keys.size()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "more --key-passphrase-file than --key",
                                     "give the first file for the first key, and so on"});
    }
    for (std::size_t i = 0; i < command.keys.size(); ++i) {
        const auto location = TRY(locate_key(command.keys[i], ""));
        TRY(given.add_private_key(location, i < files.size() ? files[i] : ""));
    }
    return {};
}

std::string counts_text(const DecryptCounts& counts) {
    std::string text = fmt::format("decrypted {} files, {}; {} were complete already; ",
                                   counts.files, size_in_words(counts.bytes), counts.skipped);
    const auto add = [&](std::uint64_t number, const char* what) {
        text += number == 0 ? "" : fmt::format("{} {}; ", number, what);
    };
    add(counts.linked, "are other names of the same files");
    add(counts.beyond, "hold what was behind a file's end");
    add(counts.renamed_items, "have another name now");
    return text + fmt::format("{} failures\n", counts.failed_items);
}

// What the output could not take, once for all.
void warn_of_losses(const DecryptCounts& counts) {
    const auto add = [](std::uint64_t number, const char* what) {
        if (number > 0) {
            warn(fmt::format("{}: {}", what, number));
        }
    };
    add(counts.lost.owners, "files whose owners, groups, modes or times cannot be kept there");
    add(counts.lost.acls,
        "files whose access control list cannot be kept there; nobody got more rights by that");
    add(counts.lost.user_attributes, "files whose extended attributes cannot be kept there");
    add(counts.lost.privileges,
        "files that lost their setuid or setgid bit or capabilities, which decrypt never gives");
    add(counts.copied_links, "names of one file that became files of their own");
}

std::unexpected<Error> stop_of(const DecryptCounts& counts, GivenKeys& given) {
    const auto& failure = counts.failures.back();
    const auto& error = failure.error;
    return std::unexpected(
        Error{error.code,
              fmt::format("stopped at {}: {}; the rest was not looked at",
                          shown_path(given.file_keys(), failure.path), error.message),
              error.advice});
}

std::unexpected<Error> failure_of(const DecryptCounts& counts, const GivenKeys& given,
                                  const Decrypt& command) {
    Error error = counts.failures.front().error;
    const auto& missing = counts.missing;
    const auto failed = counts.failed_items;
    error.message =
        fmt::format("{} item{} could not be decrypted{}{}", failed, failed == 1 ? "" : "s",
                    missing.empty() ? "" : ": ", missing.text());
    if (!missing.empty()) {
        std::ranges::for_each(describe_unused_keys(given), complain);
    }
    if (error.code == ErrorCode::kUnknownKey) {
        error.advice = missing_key_advice(missing, given, command.lower);
    }
    return std::unexpected(std::move(error));
}

std::unexpected<Error> renamed_error(const DecryptCounts& counts, GivenKeys& given) {
    const auto& first = counts.renamed.front();
    const auto size = counts.renamed_items;
    return std::unexpected(
        Error{ErrorCode::kNameChanged,
              fmt::format("{} item{} another name now{} {}, as {}: {}", size,
                          size == 1 ? " has" : "s have", size == 1 ? ":" : "; the first:",
                          shown_path(given.file_keys(), first.path), first.name, first.reason),
              ""});
}

// Before anything is written: whether the keys open anything at all.
Result<void> check_keys(GivenKeys& given, const Decrypt& command) {
    const auto unmet = find_unmet_demand(command.lower, given.file_keys());
    if (!unmet) {
        return {};
    }
    const bool none_given = given.passphrases().empty() && given.private_keys().empty();
    const Error error = {
        ErrorCode::kUnknownKey,
        fmt::format("{}; nothing was written: {}",
                    none_given ? "no key was given, and the keyrings have none"
                               : "what was given opens none of the files and names",
                    unmet->text()),
        missing_key_advice(*unmet, given, command.lower)};
    if (command.json) {
        DecryptCounts counts;
        for (const auto& path : command.lower) {
            counts.failures.push_back({path, error});
        }
        TRY(print(decrypted_json(counts)));
    }
    std::ranges::for_each(describe_unused_keys(given), complain);
    return std::unexpected(error);
}

Result<void> print_result(const Decrypt& command, const DecryptCounts& counts, GivenKeys& given,
                          const Result<void>& synced) {
    if (auto printed = print(command.json ? decrypted_json(counts) : counts_text(counts));
        !printed) {
        return printed;
    }
    if (counts.unlisted > 0) {
        const bool fits = std::max(counts.failed_items, counts.renamed_items) <= kMostInJson;
        complain(fmt::format("{} more like these are not listed{}", counts.unlisted,
                             command.json ? ""
                             : fits       ? "; --json lists all"
                                          : "; --json lists more"));
    }
    warn_of_losses(counts);
    if (!synced || (counts.failures.empty() && counts.renamed.empty())) {
        return synced;
    }
    if (counts.failures.empty()) {
        return renamed_error(counts, given);
    }
    return counts.stopped ? stop_of(counts, given) : failure_of(counts, given, command);
}

Result<void> decrypt_to_folder(const Decrypt& command, GivenKeys& given, PathSelection selection) {
    auto output = TRY(OutputTree::open(command.output));
    const bool count_first = Progress::is_visible() && command.only.empty();
    Progress progress("decrypting", count_first ? lowerfs::size_of_trees(command.lower).bytes : 0);
    TreeDecryption decryption(given.file_keys(), progress, output, selection, command);
    for (const auto& path : command.lower) {
        if (!decryption.stopped()) {
            lowerfs::walk_tree(path, decryption);
        }
    }
    for (const auto& path : selection.missing()) {
        if (!decryption.stopped()) {
            decryption.unreadable(path, missing_path_error(path));
        }
    }
    progress.clear();
    // Names and contents, so that what is called complete is.
    const auto synced = ::syncfs(output.root()) == 0
                            ? Result<void>()
                            : std::unexpected(file_error("writing to the disk", errno));
    return print_result(command, decryption.counts(), given, synced);
}

Result<PathSelection> check_output(const Decrypt& command) {
    if (command.output == kStandardOutput && command.json) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "--output - and --json both want standard output",
                                     "leave out --json, or give a folder as --output"});
    }
    return PathSelection::parse(command.only);
}

}  // namespace

Result<void> run(const Decrypt& command) {
    auto selection = TRY(check_output(command));
    TRY(check_sources(command.passphrases, command.key_passphrase_files));
    GivenKeys given(command.paths);
    TRY(add_keys(given, command));
    TRY(add_passphrases(given, command.passphrases));
    TRY(check_keys(given, command));
    return command.output == kStandardOutput
               ? decrypt_to_standard_output(command, given.file_keys(), std::move(selection))
               : decrypt_to_folder(command, given, std::move(selection));
}

}  // namespace ecryptfs::cli
