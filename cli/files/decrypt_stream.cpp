// SPDX-License-Identifier: Apache-2.0

#include "cli/files/decrypt_stream.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <vector>

#include "cli/files/file_decryption.h"
#include "cli/files/file_error.h"
#include "cli/files/plain_path.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/lowerfs/content_reader.h"
#include "lib/lowerfs/key_check.h"
#include "lib/lowerfs/lower_file.h"
#include "lib/lowerfs/tree_walk.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// Finds the one file that is wanted.
class FileSearch : public lowerfs::TreeVisitor {
  public:
    FileSearch(lowerfs::FileKeySet& keys, PathSelection& selection)
        : keys_(keys), selection_(selection) {}

    bool enter_folder(const lowerfs::TreeEntry& folder) override {
        if (folder.depth == 0) {
            return true;
        }
        auto name = plain_name(folder);
        const bool wanted = selection_.wants(folders_, name);
        if (wanted) {
            folders_.push_back(std::move(name));
        }
        return wanted;
    }
    void leave_folder(const lowerfs::TreeEntry& folder) override {
        if (folder.depth > 0) {
            folders_.pop_back();
        }
    }
    void visit(const lowerfs::TreeEntry& entry) override {
        if (entry.depth > 0 && !selection_.wants(folders_, plain_name(entry))) {
            return;
        }
        if (!path_.empty()) {
            several_ = true;
            error_ = Error{ErrorCode::kInvalidArgument,
                           fmt::format("--output - writes one file, and there are several: {} and "
                                       "{}",
                                       shown_path(keys_, path_), shown_path(keys_, entry.path)),
                           "name one with --only, or give a folder as --output"};
            return;
        }
        path_ = entry.path;
        auto file = lowerfs::open_lower_file(entry.folder, entry.name);
        if (file) {
            file_ = std::move(*file);
        } else {
            unreadable(entry.path, file.error());
        }
    }
    void unreadable(const std::string& path, const Error& error) override {
        if (!error_) {
            error_ =
                Error{error.code, fmt::format("{}: {}", shown_path(keys_, path), error.message),
                      error.advice};
        }
    }
    bool stopped() const override { return several_; }

    const std::string& path() const { return path_; }
    const std::optional<lowerfs::LowerFile>& file() const { return file_; }
    const std::optional<Error>& error() const { return error_; }
    bool found_several() const { return several_; }

  private:
    std::string plain_name(const lowerfs::TreeEntry& entry) {
        return keys_.plain_name(entry.name).value_or(entry.name);
    }

    lowerfs::FileKeySet& keys_;
    PathSelection& selection_;
    std::vector<std::string> folders_;
    std::string path_;
    std::optional<lowerfs::LowerFile> file_;
    std::optional<Error> error_;
    bool several_ = false;
};

Result<void> write_contents(const lowerfs::LowerFile& file, lowerfs::FileKeySet& keys,
                            bool beyond_size) {
    if (!file.header) {
        return file.empty() ? Result<void>() : std::unexpected(missing_header_error());
    }
    const auto key = TRY(keys.open(*file.header));
    auto range = lowerfs::whole_contents(file);
    const auto beyond = lowerfs::data_beyond_size(file);
    if (beyond > 0 && beyond_size) {
        range.size += lowerfs::contents_beyond_size(file).size;
    }
    StreamOutput output(STDOUT_FILENO);
    const auto lost = TRY(decrypt_contents(file, key, range, output, [](std::uint64_t) {}));
    if (lowerfs::may_be_of_damaged_key(file, key)) {
        warn(damaged_key_warning());
    }
    if (!lost.empty()) {
        return std::unexpected(Error{ErrorCode::kMalformed, losses_in_words(lost, range.size), ""});
    }
    if (beyond == 0 || beyond_size) {
        return {};
    }
    auto error = beyond_size_error(beyond);
    error.advice = "run this again with --beyond-size, which writes them too";
    return std::unexpected(std::move(error));
}

}  // namespace

Error missing_path_error(const std::string& path) {
    return {ErrorCode::kNotFound, fmt::format("there is no {} in what was given", path),
            "give the path as the mount shows it, from the mounted folder, and the passphrase of "
            "its names"};
}

Result<void> decrypt_to_standard_output(std::span<const std::string> lower,
                                        lowerfs::FileKeySet& keys, PathSelection selection,
                                        bool beyond_size) {
    FileSearch search(keys, selection);
    for (const auto& path : lower) {
        lowerfs::walk_tree(path, search);
    }
    if (search.found_several() || (search.error() && !search.file())) {
        return std::unexpected(*search.error());
    }
    if (const auto missing = selection.missing(); !missing.empty()) {
        return std::unexpected(missing_path_error(missing.front()));
    }
    if (!search.file()) {
        return std::unexpected(
            Error{ErrorCode::kNotFound, "there is no file in what was given", ""});
    }
    auto written = write_contents(*search.file(), keys, beyond_size);
    if (!written) {
        written.error().message =
            fmt::format("{}: {}", shown_path(keys, search.path()), written.error().message);
    }
    return written;
}

}  // namespace ecryptfs::cli
