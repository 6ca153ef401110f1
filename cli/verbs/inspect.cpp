// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/inspect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "cli/files/file_json.h"
#include "cli/files/file_tables.h"
#include "cli/files/inspection.h"
#include "cli/files/key_advice.h"
#include "cli/files/path_search.h"
#include "cli/files/plain_path.h"
#include "cli/output/output.h"
#include "cli/output/progress.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// Prints files as the walk comes to them. For people, only those files of a folder that have a
// fault, unless all are asked for.
class Inspector : public lowerfs::TreeVisitor {
  public:
    Inspector(const InspectOptions& options, GivenKeys& given, Progress& progress)
        : options_(options), keys_(given.file_keys()), held_(given), progress_(progress) {}

    bool enter_folder(const lowerfs::TreeEntry& folder) override {
        take(folder);
        show_typed_folder(folder);
        saw_folder_ = true;
        return true;
    }
    void leave_folder(const lowerfs::TreeEntry&) override {}
    void visit(const lowerfs::TreeEntry& entry) override {
        take(entry);
        progress_.advance(S_ISREG(entry.status.st_mode) ? 1 : 0);
    }
    void unreadable(const std::string& path, const Error& error) override {
        InspectedFile file{.path = shortened_path(path)};
        file.plain_path = plain_path(keys_, file.path);
        file.error = error;
        add(file, false);
    }
    bool stopped() const override { return !output_; }

    // Of standard output.
    const Result<void>& output() const { return output_; }
    const InspectionSummary& summary() const { return summary_; }
    const std::optional<Error>& first_fault() const { return first_fault_; }
    bool saw_folder() const { return saw_folder_; }

  private:
    void take(const lowerfs::TreeEntry& entry) {
        const auto file = inspect_entry(entry, held_);
        if (!file) {
            return;
        }
        if (S_ISREG(entry.status.st_mode) || file->error) {
            add(*file, entry.depth == 0);
        } else {
            summary_.count_name(*file->name);
        }
    }

    // Whoever names an encrypted folder wants to know what it is.
    void show_typed_folder(const lowerfs::TreeEntry& folder) {
        const auto plain = folder.depth == 0 ? plain_path(keys_, folder.path) : std::nullopt;
        if (plain && !options_.json) {
            show(fmt::format("{}\n  plain     {}\n\n", printable(folder.path), printable(*plain)));
        }
    }

    void add(const InspectedFile& file, bool was_named) {
        summary_.count(file);
        if (file.error && !first_fault_) {
            first_fault_ =
                Error{file.error->code,
                      fmt::format("{}: {}", shown_path(keys_, file.path), file.error->message),
                      file.error->advice};
        }
        const bool has_fault = file.error || file.state == FileState::kNotEncrypted;
        if (options_.json) {
            show((summary_.files > 1 ? std::string(kInspectionSeparator) : "") +
                 inspected_file_json(file));
        } else if (was_named || options_.all || has_fault) {
            show(inspected_file_text(file) + "\n");
        }
    }

    void show(const std::string& text) {
        progress_.clear();
        output_ = print(text);
    }

    const InspectOptions& options_;
    lowerfs::FileKeySet& keys_;
    HeldKeys held_;
    Progress& progress_;
    InspectionSummary summary_;
    std::optional<Error> first_fault_;
    Result<void> output_;
    bool saw_folder_ = false;
};

Error not_found(const std::string& plain_path, const KeyDemand& missing, const GivenKeys& given,
                const InspectOptions& options) {
    const auto message =
        fmt::format("there is no {} in {}", plain_path, fmt::join(options.paths, " or "));
    return missing.empty() ? Error{ErrorCode::kNotFound, message,
                                   "give the path below PATH, as the mount would show it"}
                           : Error{ErrorCode::kUnknownKey,
                                   fmt::format("{} among the names that could be read: {}", message,
                                               missing.text()),
                                   missing_key_advice(missing, given, options.paths)};
}

// Prints what was found, and gives the first that was not.
Result<void> find_paths(const InspectOptions& options, GivenKeys& given) {
    std::vector<FoundPath> found;
    std::optional<Error> first_missing;
    for (const auto& plain_path : options.find) {
        const auto before = found.size();
        KeyDemand missing;
        for (const auto& lower : options.paths) {
            auto search = find_lower_paths(lower, plain_path, given.file_keys());
            if (!search) {
                search.error().message = fmt::format("{}: {}", lower, search.error().message);
                return std::unexpected(search.error());
            }
            std::ranges::move(search->found, std::back_inserter(found));
            missing.add(search->missing);
        }
        if (found.size() == before && !first_missing) {
            first_missing = not_found(plain_path, missing, given, options);
        }
    }
    std::string text;
    for (const auto& each : found) {
        text += printable(each.path) + "\n";
    }
    TRY(print(options.json ? found_paths_json(found) : text));
    return first_missing ? Result<void>(std::unexpected(*first_missing)) : Result<void>();
}

Result<void> inspect_trees(const InspectOptions& options, GivenKeys& given) {
    if (options.json) {
        TRY(print(kInspectionStart));
    }
    Progress progress("inspecting",
                      Progress::is_visible() ? lowerfs::size_of_trees(options.paths).files : 0);
    Inspector inspector(options, given, progress);
    for (const auto& path : options.paths) {
        lowerfs::walk_tree(path, inspector);
    }
    progress.clear();
    if (!inspector.output()) {
        return inspector.output();
    }
    const bool with_summary = inspector.saw_folder() || options.paths.size() > 1;
    const auto end = options.json   ? inspection_end_json(inspector.summary())
                     : with_summary ? inspection_summary_text(inspector.summary())
                                    : "";
    TRY(print(end));
    for (const auto& line : describe_unused_keys(given)) {
        warn(line);
    }
    if (inspector.first_fault()) {
        return std::unexpected(*inspector.first_fault());
    }
    return {};
}

}  // namespace

void add_options(CLI::App& parser, InspectOptions& options) {
    add_json(parser, options.json);
    parser.add_option("PATH", options.paths, "Files and folders below a lower folder")
        ->type_name("")
        ->required();
    add_repeated(parser, "--find", options.find, "PLAIN",
                 "Print the lower path of this plain path below PATH; may be given several times");
    add_passphrase_sources(parser, options.passphrases);
    parser.add_flag("--all", options.all,
                    "Show every file of a folder, not only those with a fault");
}

Result<void> run(const InspectOptions& options) {
    TRY(check_sources(options.passphrases));
    GivenKeys given({});  // of passphrases only
    TRY(add_passphrases(given, options.passphrases));
    return options.find.empty() ? inspect_trees(options, given) : find_paths(options, given);
}

}  // namespace ecryptfs::cli
