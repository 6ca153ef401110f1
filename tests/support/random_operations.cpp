// SPDX-License-Identifier: Apache-2.0

#include "tests/support/random_operations.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "lib/base/handle.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

constexpr int kNames = 8;

int write_text(const fs::path& path, const RandomOperation& operation, int flags) {
    const base::UniqueFd fd(
        ::open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC | flags, operation.mode));
    if (!fd) {
        return -1;
    }
    const auto size =
        (flags & O_APPEND) != 0
            ? ::write(fd.get(), operation.text.data(), operation.text.size())
            : ::pwrite(fd.get(), operation.text.data(), operation.text.size(), operation.offset);
    return size == static_cast<ssize_t>(operation.text.size()) ? 0 : -2;
}

int truncate_file(const fs::path& path, off_t size) {
    struct stat status{};
    const bool is_link = ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
    return is_link ? 0 : ::truncate(path.c_str(), size);
}

int carry_out_below(const fs::path& root, const RandomOperation& operation) {
    const auto path = root / operation.path;
    const auto other = root / operation.other;
    const auto folder = root / fmt::format("d{}", operation.offset % 3);
    switch (operation.kind) {
        case 0:
            return write_text(path, operation, O_CREAT | O_EXCL);
        case 1:
        case 2:
            return write_text(path, operation, O_CREAT);
        case 3:
            return write_text(path, operation, O_CREAT | O_APPEND);
        case 4:
            return write_text(path, operation, O_TRUNC);
        case 5:
            return truncate_file(path, operation.offset);
        case 6:
            return ::rename(path.c_str(), other.c_str());
        case 7:
            return ::link(path.c_str(), other.c_str());
        case 8:
            return ::symlink(operation.other.c_str(), path.c_str());
        case 9:
            return ::unlink(path.c_str());
        case 10:
            return ::mkdir(folder.c_str(), 0755);
        case 11:
            return ::rmdir(folder.c_str());
        default:
            return ::fchmodat(AT_FDCWD, path.c_str(), operation.mode, 0);
    }
}

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;  // emulated machines are slow with single characters
    text << file.rdbuf();
    return file.is_open() ? std::move(text).str() : "cannot be opened";
}

std::vector<fs::path> names_below(const fs::path& root) {
    std::vector<fs::path> names;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        names.push_back(entry.path().lexically_relative(root));
    }
    std::ranges::sort(names);
    return names;
}

std::string difference_of_entries(const fs::path& expected, const fs::path& actual) {
    struct stat left{};
    struct stat right{};
    if (::lstat(expected.c_str(), &left) != 0 || ::lstat(actual.c_str(), &right) != 0) {
        return "is not there";
    }
    if (left.st_mode != right.st_mode) {
        return fmt::format("has mode {:o}, not {:o}", right.st_mode, left.st_mode);
    }
    if (S_ISDIR(left.st_mode)) {
        return "";
    }
    if (left.st_nlink != right.st_nlink) {
        return fmt::format("has {} links, not {}", right.st_nlink, left.st_nlink);
    }
    if (left.st_size != right.st_size) {
        return fmt::format("has {} bytes, not {}", right.st_size, left.st_size);
    }
    const bool is_same = S_ISLNK(left.st_mode)
                             ? fs::read_symlink(expected) == fs::read_symlink(actual)
                             : content(expected) == content(actual);
    return is_same ? "" : "has another content";
}

}  // namespace

RandomOperation RandomOperations::next() {
    RandomOperation operation;
    operation.kind = static_cast<int>(below(13));
    operation.path = some_path();
    operation.other = some_path();
    operation.offset = static_cast<off_t>(below(60'000));
    operation.text = std::string(1 + below(12'000), static_cast<char>('a' + below(26)));
    operation.mode = below(2) == 0 ? 0600 : 0640;
    return operation;
}

// Few, so that operations meet.
std::string RandomOperations::some_path() {
    const auto name = fmt::format("f{}", below(kNames));
    return below(2) == 0 ? name : fmt::format("d{}/{}", below(3), name);
}

std::string carry_out(const RandomOperation& operation, const fs::path& expected,
                      const fs::path& actual) {
    errno = 0;
    const int wanted = carry_out_below(expected, operation);
    const int wanted_errno = wanted == 0 ? 0 : errno;
    const int seen = carry_out_below(actual, operation);
    const int seen_errno = seen == 0 ? 0 : errno;
    if (wanted == seen && wanted_errno == seen_errno) {
        return "";
    }
    return fmt::format("operation {} on {} gave {} (errno {}), not {} (errno {})", operation.kind,
                       operation.path, seen, seen_errno, wanted, wanted_errno);
}

std::string first_difference(const fs::path& expected, const fs::path& actual) {
    const auto names = names_below(expected);
    const auto seen = names_below(actual);
    if (seen != names) {
        return fmt::format("there are other names, {} and not {}", seen.size(), names.size());
    }
    for (const auto& name : names) {
        if (const auto difference = difference_of_entries(expected / name, actual / name);
            !difference.empty()) {
            return fmt::format("{} {}", name.string(), difference);
        }
    }
    return "";
}

}  // namespace ecryptfs::test
