// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/new_key_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/base/atomic_file.h"
#include "lib/base/shell_word.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

Error exists(const std::string& path) {
    return {ErrorCode::kAlreadyExists, fmt::format("{} already exists", shown(path)),
            "choose another name, or move the file away if nothing needs it"};
}

std::string parent_folder(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

std::string advice_on_folder(const std::string& folder) {
    constexpr std::size_t kMost = 200;  // of ECRYPTFS_PKI_MAX_TEXT bytes
    const auto command = fmt::format("mkdir -p {}", base::shell_word(folder));
    return command.size() <= kMost ? fmt::format("make the folder first: {}", command)
                                   : "make the folder first";
}

Error cannot_write(const std::string& path, int error_number) {
    auto error = base::system_error(shown(path), error_number);
    switch (error.code) {
        case ErrorCode::kAlreadyExists:
            return exists(path);
        case ErrorCode::kNotFound:
            error.advice = advice_on_folder(parent_folder(path));
            return error;
        case ErrorCode::kAccessDenied:
            error.advice = "choose a folder that this user may write to";
            return error;
        default:
            return error;
    }
}

}  // namespace

Result<void> check_no_file(const std::string& path) {
    struct stat status = {};
    if (::lstat(path.c_str(), &status) == 0) {
        return std::unexpected(exists(path));
    }
    return {};
}

Result<void> write_new_key_file(const std::string& path, base::ByteView contents) {
    if (!base::write_atomic_file(path, contents, base::IfThere::kRefuse)) {
        return std::unexpected(cannot_write(path, errno));
    }
    return {};
}

}  // namespace ecryptfs::module
