// SPDX-License-Identifier: Apache-2.0

#include "cli/files/rekey_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "cli/files/file_error.h"
#include "lib/base/file_io.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr off_t kMaxJournal = off_t{64} << 20;

std::unexpected<Error> failed(std::string_view what) {
    return std::unexpected(file_error(what, errno));
}

// Nobody else can have written to it.
bool is_own(const struct stat& status) {
    return S_ISREG(status.st_mode) && status.st_uid == ::geteuid() && status.st_nlink == 1 &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 && status.st_size <= kMaxJournal;
}

Error foreign_journal_error() {
    return {ErrorCode::kAccessDenied,
            fmt::format("{} there is not yours: an interrupted rekey of another user left it",
                        kJournalName),
            "have that user run ecryptfsctl rekey --resume there"};
}

}  // namespace

Result<RekeyJournal> RekeyJournal::open(const std::string& folder) {
    base::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return failed(fmt::format("opening {}", folder));
    }
    // A file system without locks is no reason to fail.
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return std::unexpected(Error{ErrorCode::kBusy,
                                     fmt::format("another ecryptfsctl rekey works in {}", folder),
                                     "wait until it has ended"});
    }
    return RekeyJournal(std::move(fd), status);
}

// No descriptor if there is none.
Result<base::UniqueFd> RekeyJournal::open_file(int flags) const {
    base::UniqueFd fd(::openat(folder_.get(), kJournalName,
                               flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    if (!fd && errno == ENOENT) {
        return fd;
    }
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !is_own(status)) {
        return std::unexpected(foreign_journal_error());
    }
    return fd;
}

Result<bool> RekeyJournal::exists() const {
    const auto fd = TRY(open_file(O_RDONLY));
    return static_cast<bool>(fd);
}

Result<JournalRedo> RekeyJournal::redo() {
    const auto fd = TRY(open_file(O_RDWR));
    JournalRedo redo;
    if (!fd) {
        return redo;
    }
    struct stat status{};
    ::fstat(fd.get(), &status);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(status.st_size));
    if (base::read_at(fd.get(), 0, bytes) != bytes.size()) {
        return failed("reading the journal");
    }
    auto entries = lowerfs::parse_journal(bytes);
    if (!entries) {
        entries.error().advice =
            fmt::format("if no rekey was interrupted, remove the file {}", kJournalName);
        return std::unexpected(std::move(entries.error()));
    }
    for (const auto& entry : *entries) {
        const auto done = lowerfs::redo_entry(folder_.get(), entry);
        if (!done && done.error().code != ErrorCode::kNotFound) {
            auto error = done.error();
            error.message = fmt::format("{}: {}", entry.path, error.message);
            return std::unexpected(std::move(error));
        }
        redo.completed += done == lowerfs::Redo::kDone ? 1 : 0;
        if (!done || *done == lowerfs::Redo::kForeign) {
            redo.left_alone.push_back(entry.path);
        }
    }
    if (::syncfs(folder_.get()) != 0) {
        return failed("writing to the disk");
    }
    TRY(sync_and_remove(fd.get()));
    return redo;
}

Result<void> RekeyJournal::write(const std::vector<lowerfs::JournalEntry>& entries) {
    if (entries.empty()) {
        return {};
    }
    auto file = TRY(PartFile::create(folder_.get()));
    if (!base::write_all(file.fd(), lowerfs::encode_journal(entries)) || ::fsync(file.fd()) != 0) {
        return failed("writing the journal");
    }
    TRY(file.publish(kJournalName));
    file_.emplace(std::move(file));
    return ::fsync(folder_.get()) == 0 ? Result<void>() : failed("writing the journal");
}

Result<void> RekeyJournal::drop() {
    if (!file_) {
        return {};
    }
    auto done = sync_and_remove(file_->fd());
    file_.reset();
    return done;
}

// Empty first: another link to it, or the name after a crash, leads to nothing then.
Result<void> RekeyJournal::sync_and_remove(int file) {
    if (::ftruncate(file, 0) != 0 || ::fdatasync(file) != 0 ||
        ::unlinkat(folder_.get(), kJournalName, 0) != 0 || ::fsync(folder_.get()) != 0) {
        return failed("removing the journal");
    }
    return {};
}

}  // namespace ecryptfs::cli
