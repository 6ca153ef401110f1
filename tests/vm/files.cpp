// SPDX-License-Identifier: Apache-2.0

#include "tests/vm/files.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>

namespace ecryptfs::vm {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> content_of_file(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        return std::nullopt;
    }
    std::string content{std::istreambuf_iterator<char>(stream), {}};
    return stream.bad() ? std::nullopt : std::optional(std::move(content));
}

Paths names_in(const fs::path& folder) {
    Paths names;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        names.push_back(entry.path().lexically_relative(folder));
    }
    std::ranges::sort(names);
    return names;
}

std::string first_difference(const fs::path& expected, const fs::path& actual) {
    const auto names = names_in(expected);
    if (names_in(actual) != names) {
        return "the trees have other files";
    }
    for (const auto& name : names) {
        if (!fs::is_regular_file(expected / name)) {
            continue;
        }
        const auto content = content_of_file(actual / name);
        if (!content) {
            return fmt::format("{} cannot be read", name.string());
        }
        if (content != content_of_file(expected / name)) {
            return fmt::format("{} has another content", name.string());
        }
    }
    return "";
}

void give_to(const User& user, const fs::path& path, mode_t mode) {
    EXPECT_EQ(::chown(path.c_str(), user.id, user.id), 0) << path;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0) << path;
}

}  // namespace

std::string vector_file(const std::string& name) {
    return fmt::format("{}/{}", ECRYPTFS_VECTORS, name);
}

std::string install_key(const User& user, const std::string& name) {
    const fs::path folder = fs::path(user.home()) / "keys";
    fs::create_directories(folder);
    give_to(user, folder, 0700);
    const auto file = folder / name;
    fs::copy_file(vector_file("keys/" + name), file, fs::copy_options::overwrite_existing);
    give_to(user, file, 0600);
    return file;
}

void unpack(const User& user, const std::string& archive, const fs::path& folder) {
    const auto outcome = run({.user = user}, {"tar", "-C", folder, "-xf", vector_file(archive)});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
}

const fs::path& plain_tree() {
    static const fs::path tree = [] {
        fs::path folder = "/mnt/scratch/plain";
        fs::create_directories(folder);
        give_to(alice(), folder, 0755);
        unpack(alice(), "plain.tar.xz", folder);
        return folder;
    }();
    return tree;
}

Paths files_in(const fs::path& folder) {
    Paths files;
    for (const auto& name : names_in(folder)) {
        if (fs::is_regular_file(folder / name)) {
            files.push_back(folder / name);
        }
    }
    return files;
}

std::string difference(const User& user, const fs::path& expected, const fs::path& actual) {
    const auto found = memory_file();
    run_as(user, [&] {
        const auto text = first_difference(expected, actual);
        return ::write(found.get(), text.data(), text.size()) >= 0 ? 0 : 1;
    });
    return content_of(found.get());
}

Paths make_files(const User& user, const fs::path& folder, int count) {
    Paths files;
    for (int i = 0; i < count; ++i) {
        files.push_back(folder / fmt::format("file-{:03}", i));
    }
    const int failed = run_as(user, [&] {
        return static_cast<int>(std::ranges::count_if(files, [](const fs::path& file) {
            return !(std::ofstream(file) << file.filename().string() << '\n' << std::flush);
        }));
    });
    EXPECT_EQ(failed, 0) << "files cannot be made in " << folder;
    return files;
}

}  // namespace ecryptfs::vm
