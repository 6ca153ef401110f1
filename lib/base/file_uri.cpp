// SPDX-License-Identifier: Apache-2.0

#include "lib/base/file_uri.h"

#include <fmt/format.h>

#include "lib/base/hex.h"

namespace ecryptfs::base {
namespace {

constexpr std::string_view kScheme = "file:";

// RFC 3986: unreserved characters, and those that a path segment may hold as they are.
bool stands_for_itself(char c) {
    constexpr std::string_view kOthers = "-._~/!$&'()*+,;=:@";
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || kOthers.find(c) != std::string_view::npos;
}

Error refused(std::string_view uri, std::string_view why) {
    return {ErrorCode::kInvalidArgument, fmt::format("\"{}\" {}", uri, why),
            "name a local file: an absolute path, or file:///absolute/path"};
}

Result<std::string> percent_decoded(std::string_view text, std::string_view uri) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const auto byte = from_hex(text.substr(i + 1, 2));
        if (!byte || byte->size() != 1 || byte->front() == 0) {
            return std::unexpected(
                refused(uri, fmt::format("has a bad escape at character {}", i)));
        }
        decoded += static_cast<char>(byte->front());
        i += 2;
    }
    return decoded;
}

}  // namespace

std::string file_uri(std::string_view absolute_path) {
    std::string uri = "file://";
    for (const char c : absolute_path) {
        if (stands_for_itself(c)) {
            uri += c;
        } else {
            uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return uri;
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
        return std::unexpected(refused(uri, "holds no absolute path"));
    }
    if (path.find('\0') != path.npos) {
        return std::unexpected(refused(uri, "holds a NUL"));
    }
    if (path.find_first_of("?#") != path.npos) {
        return std::unexpected(refused(uri, "has a query or fragment, which files do not take"));
    }
    return percent_decoded(path, uri);
}

}  // namespace ecryptfs::base
