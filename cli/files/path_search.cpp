// SPDX-License-Identifier: Apache-2.0

#include "cli/files/path_search.h"

#include <sys/stat.h>

#include <cstddef>
#include <optional>

#include "cli/files/path_selection.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lowerfs/tree_walk.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

std::string kind_name(mode_t mode) {
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "folder" : S_ISLNK(mode) ? "link" : "other";
}

// Enters only folders on the way.
class Search : public lowerfs::TreeVisitor {
  public:
    Search(std::string plain_path, lowerfs::FileKeySet& keys)
        : plain_path_(std::move(plain_path)), parts_(names_in_path(plain_path_)), keys_(keys) {}

    bool enter_folder(const lowerfs::TreeEntry& folder) override {
        return folder.depth == 0 ? !parts_.empty() : match_entry(folder);
    }
    void leave_folder(const lowerfs::TreeEntry&) override {}
    void visit(const lowerfs::TreeEntry& entry) override {
        if (entry.depth > 0) {
            match_entry(entry);
        }
    }
    void unreadable(const std::string&, const Error& error) override { error_ = error; }

    const std::optional<Error>& error() const { return error_; }
    PathSearch& result() { return result_; }

  private:
    // Whether the entry is a part of the path, and not its end.
    bool match_entry(const lowerfs::TreeEntry& entry) {
        const auto plain = keys_.plain_name(entry.name);
        if (!plain) {
            if (plain.error().code == ErrorCode::kUnknownKey) {
                result_.missing.add_name(lower::read_lower_name(entry.name).front().name.signature);
            }
            return false;
        }
        const auto depth = static_cast<std::size_t>(entry.depth);
        if (*plain != parts_[depth - 1]) {
            return false;
        }
        if (depth == parts_.size()) {
            result_.found.push_back({entry.path, plain_path_, kind_name(entry.status.st_mode)});
        }
        return depth < parts_.size();
    }

    std::string plain_path_;
    std::vector<std::string> parts_;
    lowerfs::FileKeySet& keys_;
    PathSearch result_;
    std::optional<Error> error_;
};

}  // namespace

Result<PathSearch> find_lower_paths(const std::string& lower, const std::string& plain_path,
                                    lowerfs::FileKeySet& keys) {
    Search search(plain_path, keys);
    lowerfs::walk_tree(lower, search);
    if (search.error() && search.result().found.empty()) {
        return std::unexpected(*search.error());
    }
    return std::move(search.result());
}

}  // namespace ecryptfs::cli
