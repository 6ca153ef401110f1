// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/library_consent.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/files/file_error.h"
#include "cli/files/whole_file.h"
#include "cli/input/typed_command.h"
#include "cli/output/output.h"
#include "lib/base/allowed_libraries.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;

Result<std::string> find_library(const std::string& path) {
    std::error_code failed;
    const auto canonical = fs::canonical(path, failed);
    if (failed) {
        return std::unexpected(file_error(fmt::format("library {}", path), failed.value()));
    }
    if (!fs::is_regular_file(canonical, failed)) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("{} is not a file", canonical.string()),
                                     "name the library itself"});
    }
    if (canonical.string().find('\n') != std::string::npos) {
        return std::unexpected(Error{ErrorCode::kNotSupported,
                                     "a library with a line break in its path cannot be allowed",
                                     "rename it"});
    }
    return canonical.string();
}

Result<void> append_line(const std::string& file, const std::string& line) {
    const auto before = TRY(read_user_file(file));
    std::string text = before.value_or("");
    if (!text.empty() && !text.ends_with('\n')) {
        text += '\n';
    }
    text += line + '\n';
    std::error_code failed;
    fs::create_directories(fs::path(file).parent_path(), failed);
    return write_whole_file(file, base::as_bytes(text), base::IfThere::kReplace);
}

Result<void> allow_library(const std::string& path) {
    const auto library = TRY(find_library(path));
    const auto file = TRY(base::allowed_libraries_path());
    const bool known = TRY(base::is_allowed_library(file, library));
    if (known) {
        return {};
    }
    TRY(append_line(file, library));
    note(fmt::format("{} may open your keys from now on, until you take it out of {}",
                     printable(library), printable(file)));
    return {};
}

}  // namespace

Result<void> allow_libraries(std::span<const std::string> paths) {
    for (const auto& path : paths) {
        TRY(allow_library(path));
    }
    return {};
}

Error add_consent_command(Error error) {
    if (error.advice.starts_with(base::kAllowLibraryAdvice)) {
        const auto library = error.advice.substr(base::kAllowLibraryAdvice.size());
        error.advice = fmt::format("if you trust it: {}",
                                   extended_command(fmt::format("--allow-library {}", library)));
    }
    return error;
}

}  // namespace ecryptfs::cli
