// SPDX-License-Identifier: Apache-2.0

#include "cli/input/key_location.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "lib/base/file_uri.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"
#include "lib/wire/auth_token.h"
#include "lib/wire/legacy_blob.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

// RFC 3986 section 3.1, in lower case; empty for text without a scheme.
std::string uri_scheme(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0) {
        return "";
    }
    const auto scheme = text.substr(0, colon);
    const bool valid = std::isalpha(static_cast<unsigned char>(scheme.front())) != 0 &&
                       std::ranges::all_of(scheme, [](unsigned char c) {
                           return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
                       });
    return valid ? lower(scheme) : "";
}

Error refused(std::string message, std::string advice) {
    return {ErrorCode::kInvalidArgument, std::move(message), std::move(advice)};
}

// "." goes; ".." is looked up, since what is above a symbolic link is not what is written before
// it.
Result<std::string> absolute_path(std::string_view typed) {
    std::error_code failure;
    fs::path path = fs::absolute(fs::path(typed), failure);
    if (!failure && std::ranges::find(path, fs::path("..")) != path.end()) {
        path = fs::weakly_canonical(path.parent_path(), failure) / path.filename();
    }
    if (failure) {
        return std::unexpected(base::system_error(ErrorCode::kInvalidArgument,
                                                  "making the path absolute", failure.value(),
                                                  "give an absolute path"));
    }
    return path.lexically_normal().string();
}

// RFC 7512 section 2.3: attributes are separated by ';' in the path and by '&' in the query.
bool has_pin_value(std::string_view uri) {
    const std::string text = lower(uri.substr(uri.find(':') + 1));
    for (auto at = text.find("pin-value="); at != std::string::npos;
         at = text.find("pin-value=", at + 1)) {
        if (at == 0 || std::string_view(";?&").find(text[at - 1]) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

Result<std::string> canonical_pkcs11_uri(std::string_view typed) {
    if (has_pin_value(typed)) {
        // The URI is not repeated here: it holds a PIN.
        return std::unexpected(
            refused("the pkcs11: URI has a pin-value, which others could read in the process list, "
                    "the shell's history and logs",
                    "leave pin-value out: you are asked for the PIN, or give --passphrase-file"));
    }
    return fmt::format("pkcs11:{}", typed.substr(typed.find(':') + 1));
}

Result<std::string> canonical_file_uri(std::string_view typed) {
    // A query is for the module (docs/tpm2.md).
    const auto file = typed.substr(0, typed.find('?'));
    const auto path = TRY(base::path_of_file_uri(fmt::format("file:{}", file.substr(5))));
    return base::file_uri(path) + std::string(typed.substr(file.size()));
}

}  // namespace

Result<std::string> canonical_uri(std::string_view typed, bool any_scheme) {
    const std::string scheme = uri_scheme(typed);
    if (typed.empty()) {
        return std::unexpected(refused("the key's URI is empty",
                                       "name a key file, or a key on a token by a pkcs11: URI"));
    }
    if (scheme.empty()) {
        const auto path = absolute_path(typed);
        return path ? Result<std::string>(base::file_uri(*path)) : path;
    }
    auto uri = scheme == "file"     ? canonical_file_uri(typed)
               : scheme == "pkcs11" ? canonical_pkcs11_uri(typed)
                                    : std::string(typed);
    if (!uri) {
        return uri;
    }
    const bool known = scheme == "file" || scheme == "pkcs11" || scheme == "handle";
    if (!known && !any_scheme) {
        return std::unexpected(refused(
            fmt::format("no PKI module is known for \"{}:\"", scheme),
            fmt::format("give a path, a file:, pkcs11: or handle: URI, name the module with "
                        "--module, or for a file of that name write {}",
                        base::shell_word(fmt::format("./{}", typed)))));
    }
    if (!wire::is_locator(base::as_bytes(*uri)) || uri->find(' ') != std::string::npos) {
        return std::unexpected(refused("the URI has characters that a URI may not hold",
                                       "write spaces and others as %20 and the like"));
    }
    return uri;
}

Result<pki::KeyLocation> locate_key(std::string_view typed,
                                    const std::optional<std::string>& module) {
    if (module) {
        if (const auto type = wire::PkiType::from_text(*module); !type) {
            return std::unexpected(
                refused(fmt::format("\"{}\" cannot be a PKI module's name", *module),
                        "modules of this project: openssl, pkcs11, tpm2"));
        }
    }
    auto uri = TRY(canonical_uri(typed, module.has_value()));
    std::string chosen = module ? *module : pki::detect_module(uri);
    return pki::KeyLocation{std::move(chosen), std::move(uri)};
}

std::string display_name(const std::string& locator) {
    return base::path_of_file_uri(locator).value_or(locator);
}

}  // namespace ecryptfs::cli
