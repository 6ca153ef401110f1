// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/decrypt.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "cli/files/decrypt_stream.h"
#include "cli/files/decrypt_tree.h"
#include "cli/files/file_error.h"
#include "cli/files/file_json.h"
#include "cli/files/key_advice.h"
#include "cli/files/key_demand.h"
#include "cli/files/plain_path.h"
#include "cli/output/output.h"
#include "cli/verbs/library_consent.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kStandardOutput[] = "-";

std::string counts_text(const DecryptCounts& counts) {
    std::string text = fmt::format("decrypted {} files ({}); skipped {} already complete; ",
                                   counts.files, size_in_words(counts.bytes), counts.skipped);
    const auto add = [&](std::uint64_t number, const char* what) {
        text += number == 0 ? "" : fmt::format("{} {}; ", number, what);
    };
    add(counts.linked, "are other names of the same files");
    add(counts.beyond, "hold what was behind a file's end");
    add(counts.renamed_items, "have another name now");
    return text + fmt::format("{} failed\n", counts.failed_items);
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

std::unexpected<Error> stopped_error(const DecryptCounts& counts, GivenKeys& given) {
    const auto& failure = counts.failures.back();
    const auto& error = failure.error;
    return std::unexpected(
        Error{error.code,
              fmt::format("stopped at {}: {}; the rest was not looked at",
                          shown_path(given.file_keys(), failure.path), error.message),
              error.advice});
}

std::unexpected<Error> failed_items_error(const DecryptCounts& counts, const GivenKeys& given,
                                          const DecryptOptions& options) {
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
        error.advice = missing_key_advice(missing, given, options.lower);
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
Result<void> check_keys(GivenKeys& given, const DecryptOptions& options) {
    const auto unmet = find_unmet_demand(options.lower, given.file_keys());
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
        missing_key_advice(*unmet, given, options.lower)};
    if (options.json) {
        DecryptCounts counts;
        for (const auto& path : options.lower) {
            counts.failures.push_back({path, error});
        }
        TRY(print(decrypted_json(counts)));
    }
    std::ranges::for_each(describe_unused_keys(given), complain);
    return std::unexpected(error);
}

Result<void> print_result(const DecryptOptions& options, const DecryptCounts& counts,
                          GivenKeys& given, const Result<void>& synced) {
    if (auto printed = print(options.json ? decrypted_json(counts) : counts_text(counts));
        !printed) {
        return printed;
    }
    if (counts.unlisted > 0) {
        const bool fits = std::max(counts.failed_items, counts.renamed_items) <= kMostInJson;
        complain(fmt::format("{} more like these are not listed{}", counts.unlisted,
                             options.json ? ""
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
    return counts.stopped ? stopped_error(counts, given)
                          : failed_items_error(counts, given, options);
}

Result<void> decrypt_to_folder(const DecryptOptions& options, GivenKeys& given,
                               PathSelection selection) {
    auto output = TRY(OutputTree::open(options.output));
    const bool count_first = Progress::is_visible() && options.only.empty();
    Progress progress("decrypting", count_first ? lowerfs::size_of_trees(options.lower).bytes : 0);
    TreeDecryption decryption(given.file_keys(), progress, output, selection,
                              {.beyond_size = options.beyond_size, .json = options.json});
    for (const auto& path : options.lower) {
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
    return print_result(options, decryption.counts(), given, synced);
}

Result<PathSelection> check_output(const DecryptOptions& options) {
    if (options.output == kStandardOutput && options.json) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "--output - and --json both want standard output",
                                     "leave out --json, or give a folder as --output"});
    }
    return PathSelection::parse(options.only);
}

}  // namespace

void add_options(CLI::App& parser, DecryptOptions& options) {
    add_json(parser, options.json);
    parser.add_option("PATH", options.lower, "Lower files, and folders whose contents go to DIR")
        ->type_name("")
        ->required();
    parser
        .add_option("--output", options.output,
                    "Write to the folder DIR, where nothing is overwritten; - writes one file to "
                    "standard output")
        ->type_name("DIR")
        ->required();
    add_repeated(parser, "--only", options.only, "NAME",
                 "Only this file or folder, by its path in the mounted folder; may be given "
                 "several times");
    parser.add_flag("--beyond-size", options.beyond_size,
                    "Save what lies behind the end of a file, as after a crash, as NAME.beyond");
    add_key_sources(parser, options.keys, options.key_passphrase_files);
    add_passphrase_sources(parser, options.passphrases);
    add_allow_library(parser, options.allowed_libraries);
    add_paths(parser, options.paths);
}

Result<void> run(const DecryptOptions& options) {
    TRY(allow_libraries(options.allowed_libraries));
    auto selection = TRY(check_output(options));
    TRY(check_sources(options.passphrases, options.key_passphrase_files));
    GivenKeys given(options.paths);
    TRY(add_private_keys(given, options.keys, options.key_passphrase_files));
    TRY(add_passphrases(given, options.passphrases));
    TRY(check_keys(given, options));
    return options.output == kStandardOutput
               ? decrypt_to_standard_output(options.lower, given.file_keys(), std::move(selection),
                                            options.beyond_size)
               : decrypt_to_folder(options, given, std::move(selection));
}

}  // namespace ecryptfs::cli
