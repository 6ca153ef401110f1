// SPDX-License-Identifier: Apache-2.0

#include "lib/base/file_uri.h"

#include <fmt/format.h>

#include "lib/base/percent.h"

namespace ecryptfs::base {
namespace {

constexpr std::string_view kScheme = "file:";

// RFC 3986: what a segment of a path may hold unescaped, and the slash between segments.
bool is_plain(char c) {
    constexpr std::string_view kOthers = "/!$&'()*+,;=:@";
    return is_unreserved(c) || kOthers.contains(c);
}

Error refused(std::string_view uri, std::string_view why) {
    return {ErrorCode::kInvalidArgument, fmt::format("\"{}\" {}", uri, why),
            "name a local file: an absolute path, or file:///absolute/path"};
}

}  // namespace

std::string file_uri(std::string_view absolute_path) {
    return "file://" + percent_encoded(absolute_path, is_plain);
}

Result<std::string> path_of_file_uri(std::string_view uri) {
    if (!uri.starts_with(kScheme)) {
        return std::unexpected(refused(uri, "is not a file: URI"));
    }
    std::string_view path = uri.substr(kScheme.size());
    if (path.starts_with("//")) {
        const auto host_end = path.find('/', 2);
        const auto host = path.substr(2, host_end == path.npos ? path.npos : host_end - 2);
        if (!host.empty() && host != "localhost") {
            return std::unexpected(refused(uri, "names another host"));
        }
        path = host_end == path.npos ? "" : path.substr(host_end);
    }
    if (!path.starts_with('/')) {
        return std::unexpected(refused(uri, "has no absolute path"));
    }
    if (path.find('\0') != path.npos) {
        return std::unexpected(refused(uri, "holds a NUL"));
    }
    if (path.find_first_of("?#") != path.npos) {
        return std::unexpected(refused(uri, "has a query or fragment, which files do not take"));
    }
    const auto decoded = percent_decoded(path);
    if (!decoded) {
        return std::unexpected(
            refused(uri, fmt::format("has a bad escape at character {}", decoded.error())));
    }
    if (decoded->contains('\0')) {
        return std::unexpected(refused(uri, "holds a NUL"));
    }
    return *decoded;
}

}  // namespace ecryptfs::base
