// SPDX-License-Identifier: Apache-2.0

#include "cli/folder_key/file_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "cli/files/file_error.h"
#include "cli/files/whole_file.h"
#include "cli/output/output.h"
#include "lib/base/handle.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using folderkey::FolderKeyFile;

Result<void> write_file(const std::string& path, const FolderKeyFile& file,
                        base::IfThere if_there) {
    const auto text = TRY(folderkey::encode_folder_key_file(file));
    TRY(folderkey::parse_folder_key_file(text));  // it can be read again
    return write_whole_file(path, base::as_bytes(text), if_there);
}

// The folder that has the file itself, also where `path` is a link: a lock on the file would end
// with its replacement.
Result<base::UniqueFd> lock_folder(const std::string& path) {
    std::error_code failed;
    const auto target = std::filesystem::canonical(path, failed);
    if (failed) {
        return std::unexpected(file_error(fmt::format("reading {}", path), failed.value()));
    }
    const auto folder = target.parent_path().string();
    base::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int locked = -1;
    do {
        locked = fd ? ::flock(fd.get(), LOCK_EX) : -1;
    } while (fd && locked != 0 && errno == EINTR);
    if (locked != 0) {
        return std::unexpected(file_error(fmt::format("locking {}", folder), errno));
    }
    return fd;
}

}  // namespace

Result<FolderKeyFile> read_folder_key_file(const std::string& path) {
    const auto text = TRY(read_user_file(path));
    if (!text) {
        return std::unexpected(file_error(fmt::format("reading {}", path), ENOENT));
    }
    auto file = folderkey::parse_folder_key_file(*text);
    if (!file) {
        return std::unexpected(Error{file.error().code,
                                     fmt::format("{}: {}", path, file.error().message),
                                     "name a file that create-folder-key wrote"});
    }
    return file;
}

Result<void> create_folder_key_file(const std::string& path, const FolderKeyFile& file) {
    return write_file(path, file, base::IfThere::kRefuse);
}

Result<void> check_free_path(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0) {
        return std::unexpected(Error{ErrorCode::kAlreadyExists,
                                     fmt::format("{} already exists", path),
                                     "choose another name; nothing is overwritten"});
    }
    return {};
}

Result<FolderKeyFile> change_folder_key_file(
    const std::string& path, const std::function<Result<void>(FolderKeyFile&)>& change) {
    const auto lock = TRY(lock_folder(path));
    auto file = TRY(read_folder_key_file(path));
    TRY(change(file));
    TRY(write_file(path, file, base::IfThere::kReplace));
    return file;
}

Result<void> check_same_content(const FolderKeyFile& file, const FolderKeyFile& read) {
    return file.protected_header == read.protected_header && file.ciphertext == read.ciphertext &&
                   file.tag == read.tag
               ? Result<void>()
               : std::unexpected(changed_file_error());
}

Error changed_file_error() {
    return {ErrorCode::kBusy, "the folder key's file was changed meanwhile", "run this again"};
}

Error unknown_recipient_error(const std::string& kid) {
    return {ErrorCode::kNotFound,
            fmt::format("the folder key has no recipient \"{}\"", printable(kid)),
            "see what it has, with list-recipients"};
}

}  // namespace ecryptfs::cli
