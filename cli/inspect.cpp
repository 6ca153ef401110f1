// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include <optional>

#include "cli/file_json.h"
#include "cli/file_tables.h"
#include "cli/inspection.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/verbs.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::Result;

// Prints files as the walk comes to them: of those in a folder, for people only what has a fault
// unless they ask for all.
class Inspector : public TreeVisitor {
  public:
    Inspector(const Inspect& command, Progress& progress)
        : command_(command), progress_(progress) {}

    bool enter_folder(const TreeEntry& folder) override {
        take(folder);
        saw_folder_ = true;
        return true;
    }
    void leave_folder(const TreeEntry&) override {}
    void visit(const TreeEntry& entry) override {
        take(entry);
        progress_.advance(S_ISREG(entry.status.st_mode) ? 1 : 0);
    }
    void unreadable(const std::string& path, const Error& error) override {
        InspectedFile file{.path = path};
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
    void take(const TreeEntry& entry) {
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

    void add(const InspectedFile& file, bool was_named) {
        summary_.count(file);
        if (file.error && !first_fault_) {
            first_fault_ =
                Error{file.error->code, fmt::format("{}: {}", file.path, file.error->message),
                      file.error->advice};
        }
        const bool has_fault = file.error || file.state == FileState::kNotEncrypted;
        if (command_.json) {
            show((summary_.files > 1 ? std::string(kInspectionSeparator) : "") +
                 inspected_file_json(file));
        } else if (was_named || command_.all || has_fault) {
            show(inspected_file_text(file) + "\n");
        }
    }

    void show(const std::string& text) {
        progress_.clear();
        output_ = print(text);
    }

    const Inspect& command_;
    Progress& progress_;
    HeldKeys held_;
    InspectionSummary summary_;
    std::optional<Error> first_fault_;
    Result<void> output_;
    bool saw_folder_ = false;
};

}  // namespace

Result<void> run(const Inspect& command) {
    if (command.json) {
        if (auto printed = print(kInspectionStart); !printed) {
            return printed;
        }
    }
    Progress progress("inspecting",
                      Progress::is_visible() ? size_of_trees(command.paths).files : 0);
    Inspector inspector(command, progress);
    for (const auto& path : command.paths) {
        walk_tree(path, inspector);
    }
    progress.clear();
    if (!inspector.output()) {
        return inspector.output();
    }
    const bool with_summary = inspector.saw_folder() || command.paths.size() > 1;
    const auto end = command.json   ? inspection_end_json(inspector.summary())
                     : with_summary ? inspection_summary_text(inspector.summary())
                                    : "";
    if (auto printed = print(end); !printed) {
        return printed;
    }
    if (inspector.first_fault()) {
        return std::unexpected(*inspector.first_fault());
    }
    return {};
}

}  // namespace ecryptfs::cli
