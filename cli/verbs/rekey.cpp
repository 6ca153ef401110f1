// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/rekey.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cli/files/file_json.h"
#include "cli/files/given_keys.h"
#include "cli/files/key_advice.h"
#include "cli/files/plain_path.h"
#include "cli/files/rekey_journal.h"
#include "cli/files/rekey_tree.h"
#include "cli/mount/current_mounts.h"
#include "cli/output/output.h"
#include "cli/verbs/library_consent.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// A PATH, and the journal beside its files, which is locked.
struct OpenPlace {
    RekeyPlace place;
    RekeyJournal journal;
};

Result<void> check_options(const RekeyOptions& options) {
    if (options.resume && options.dry_run) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "--resume writes, --dry-run does not",
                                     "leave out one of them"});
    }
    auto files = options.key_passphrase_files;
    std::ranges::copy(options.change.all_secret_files(), std::back_inserter(files));
    TRY(check_sources(options.passphrases, files));
    return options.resume ? Result<void>() : check_change(options.change);
}

Result<void> check_all_unmounted(const RekeyOptions& options) {
    for (const auto& path : options.lower) {
        TRY(check_unmounted(path));
    }
    return {};
}

// Two files of one folder share its journal and lock.
Result<std::vector<OpenPlace>> open_places(const RekeyOptions& options) {
    std::vector<OpenPlace> places;
    for (const auto& path : options.lower) {
        auto place = TRY(find_rekey_place(path));
        auto journal = TRY(RekeyJournal::open(place.folder));
        places.push_back({std::move(place), std::move(journal)});
    }
    return places;
}

// Completes what interrupted runs have begun, before anything else is read.
Result<void> redo_journals(std::vector<OpenPlace>& places, const RekeyOptions& options,
                           RekeyCounts& counts) {
    for (auto& [place, journal] : places) {
        if (options.dry_run) {
            const bool is_interrupted = TRY(journal.exists());
            if (is_interrupted) {
                warn(
                    fmt::format("an interrupted run has left a journal in {}: what it began is "
                                "completed first, unless this is a dry run",
                                place.folder));
            }
            continue;
        }
        const auto redo = TRY(journal.redo());
        counts.completed += redo.completed;
        for (const auto& path : redo.left_alone) {
            warn(fmt::format("{}/{}: changed since an interrupted run, and left as it is",
                             place.folder, path));
        }
    }
    return {};
}

// Names are of a key of their own, which a passphrase makes.
void warn_of_names(const RekeyCounts& counts, const GivenKeys& given, bool removes_keys) {
    for (const auto& [signature, number] : counts.names) {
        if (!removes_keys) {
            break;
        }
        const bool of_given = std::ranges::any_of(
            given.passphrases(),
            [&](const GivenPassphrase& each) { return each.name_signature.text() == signature; });
        warn(
            fmt::format("{} name{} encrypted by the key {}{}, which rekey does not change: keep "
                        "{}, and mount with --fnek {}",
                        number, number == 1 ? " stays" : "s stay", signature,
                        of_given ? " of the old passphrase" : "",
                        of_given ? "that passphrase" : "its passphrase", signature));
    }
}

std::unexpected<Error> failed_files_error(const RekeyCounts& counts, GivenKeys& given,
                                          const RekeyOptions& options) {
    const auto& failure = counts.stopped ? counts.failures.back() : counts.failures.front();
    Error error = failure.error;
    if (counts.stopped) {
        error.message = fmt::format("stopped at {}: {}; the rest was not looked at",
                                    shown_path(given.file_keys(), failure.path), error.message);
        return std::unexpected(std::move(error));
    }
    const auto& missing = counts.missing;
    error.message =
        fmt::format("{} file{} could not be rekeyed{}{}", counts.failed,
                    counts.failed == 1 ? "" : "s", missing.empty() ? "" : ": ", missing.text());
    if (!missing.empty()) {
        std::ranges::for_each(describe_unused_keys(given), complain);
    }
    if (error.code == ErrorCode::kUnknownKey && error.advice.empty()) {
        error.advice = missing_key_advice(missing, given, options.lower);
    }
    return std::unexpected(std::move(error));
}

Result<void> print_result(const RekeyOptions& options, const RekeyCounts& counts, GivenKeys& given,
                          bool removes_keys) {
    TRY(print(options.json ? rekeyed_json(counts, options.dry_run)
                           : rekeyed_text(counts, options.dry_run)));
    if (counts.unlisted > 0) {
        complain(fmt::format("{} more like these are not listed{}", counts.unlisted,
                             options.json ? "" : "; --json lists more"));
    }
    warn_of_names(counts, given, removes_keys);
    return counts.failures.empty() ? Result<void>() : failed_files_error(counts, given, options);
}

Result<void> rekey_places(std::vector<OpenPlace>& places, const RekeyOptions& options,
                          std::uint64_t completed) {
    GivenKeys given(options.paths);
    TRY(add_private_keys(given, options.keys, options.key_passphrase_files));
    TRY(add_passphrases(given, options.passphrases));
    NewKeys fresh(options.paths);
    TRY(fresh.load(options.change));
    Progress progress(options.dry_run ? "checking" : "rekeying",
                      Progress::is_visible() ? lowerfs::size_of_trees(options.lower).files : 0);
    lowerfs::HeaderRekeying headers(given.file_keys(), fresh.public_keys(), fresh.change());
    RekeyRecord record(given.file_keys(), progress, options.list_alone, options.json);
    record.counts().completed = completed;
    const RekeyChoices choices{options.dry_run, [&] { return check_all_unmounted(options); }};
    TreeRekeying rekeying(headers, progress, record, choices);
    for (auto& [place, journal] : places) {
        if (!rekeying.stopped()) {
            rekeying.run(place, journal);
        }
    }
    progress.clear();
    const auto& change = fresh.change();
    return print_result(options, record.counts(), given,
                        !change.keeps_others || !change.removed.empty());
}

void add_new_keys(CLI::App& parser, const std::string& option, NewKeySources& sources,
                  const std::string& what) {
    add_repeated(parser, option.c_str(), sources.keys, "KEY",
                 fmt::format("{}: the signature of a key in a keyring, or a private key's file or "
                             "URI; may be given several times",
                             what)
                     .c_str());
    parser.add_flag(option + "-passphrase", sources.passphrase,
                    what + ", a mount passphrase that is asked for");
    add_repeated(
        parser, (option + "-passphrase-file").c_str(), sources.passphrase_files, "FILE",
        (what + ", a mount passphrase on the first line of FILE, - for standard input").c_str());
}

}  // namespace

void add_options(CLI::App& parser, RekeyOptions& options) {
    add_json(parser, options.json);
    parser.add_option("PATH", options.lower, "Lower files and folders")->type_name("")->required();
    add_new_keys(parser, "--to", options.change.to, "A new key, in place of all that are there");
    add_new_keys(parser, "--add", options.change.add, "A new key, beside those that are there");
    add_repeated(parser, "--remove", options.change.removed, "SIG",
                 "A key that opens the files no more; may be given several times");
    parser
        .add_option("--new-salt", options.change.salt,
                    "Salt of new passphrases: 16 hexadecimal digits, by default 0011223344556677")
        ->type_name("HEX");
    add_repeated(parser, "--new-key-passphrase-file", options.change.key_secret_files, "FILE",
                 "Read the passphrase or PIN of the first new private key that needs one from the "
                 "first line of FILE; may be given several times");
    add_key_sources(parser, options.keys, options.key_passphrase_files);
    add_passphrase_sources(parser, options.passphrases);
    parser.add_flag("--dry-run", options.dry_run, "Change nothing, and say what would be changed");
    parser.add_flag("--list-alone", options.list_alone, "List the files that one key alone opens");
    parser.add_flag("--resume", options.resume,
                    "Only complete the headers that an interrupted run had begun to write");
    add_allow_library(parser, options.allowed_libraries);
    add_paths(parser, options.paths);
}

Result<void> run(const RekeyOptions& options) {
    TRY(allow_libraries(options.allowed_libraries));
    TRY(check_options(options));
    TRY(check_all_unmounted(options));
    auto places = TRY(open_places(options));
    RekeyCounts counts;
    TRY(redo_journals(places, options, counts));
    if (options.resume) {
        return print(options.json
                         ? rekeyed_json(counts, false)
                         : fmt::format("completed {} headers that an interrupted run had begun\n",
                                       counts.completed));
    }
    return rekey_places(places, options, counts.completed);
}

}  // namespace ecryptfs::cli
