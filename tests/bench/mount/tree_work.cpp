// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/mount/tree_work.h"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>

#include "tests/support/command.h"

namespace ecryptfs::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kFolders = 160;
constexpr int kFilesInFolder = 32;
constexpr char kTree[] = "tree";

double seconds_of_shell(const fs::path& folder, const std::string& script) {
    const auto start = std::chrono::steady_clock::now();
    const auto done = test::run({"/bin/sh",
                                 {"-ec", "cd \"$0\"\n" + script, folder},
                                 {{"PATH", "/usr/bin:/bin"}, {"HOME", "/nonexistent"}}});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (done.exit_code != 0) {
        throw std::runtime_error(script + ": " + done.err);
    }
    return took.count();
}

void make_tree(const fs::path& tree) {
    std::mt19937 random(3);  // NOLINT(cert-msc51-cpp): the same each time
    for (int i = 0; i < kFolders; ++i) {
        // Some are inside others.
        const auto folder = tree / fmt::format("part-{}", i / 8) / fmt::format("folder-{}", i);
        fs::create_directories(folder);
        for (int j = 0; j < kFilesInFolder; ++j) {
            std::ofstream file(folder / fmt::format("some-source-file-{}.cpp", j));
            const auto size = random() % 16'000;
            for (unsigned line = 0; line < size / 40; ++line) {
                file << fmt::format("{:039}\n", random());
            }
        }
    }
}

double cold(MountSide& side, const std::string& script) {
    side.mount_anew();
    return seconds_of_shell(side.path() / kTree, script);
}

}  // namespace

fs::path make_archive(const fs::path& place) {
    const auto tree = place / "archive" / kTree;
    make_tree(tree);
    seconds_of_shell(tree,
                     "git init -q && git add . && git -c user.name=a -c user.email=a@example.org "
                     "commit -qm one && git gc -q && rm -f .git/hooks/*");
    seconds_of_shell(place / "archive", "tar -cf ../tree.tar tree");
    fs::remove_all(place / "archive");
    return place / "tree.tar";
}

double untar(MountSide& side, const fs::path& archive) {
    return seconds_of_shell(side.path(), fmt::format("tar -xf '{}'", archive.string()));
}

double list_all(MountSide& side) {
    return cold(side, "ls -lR >/dev/null");
}

double find_all(MountSide& side) {
    return cold(side, "find . >/dev/null");
}

double read_all(MountSide& side) {
    return cold(side, "tar -cf - . | cat >/dev/null");
}

double git_status_cold(MountSide& side) {
    // The index has what stat() said where it was made.
    seconds_of_shell(side.path() / kTree, "git -c safe.directory='*' status >/dev/null");
    return cold(side, "git -c safe.directory='*' status >/dev/null");
}

double git_status_warm(MountSide& side) {
    return seconds_of_shell(side.path() / kTree, "git -c safe.directory='*' status >/dev/null");
}

double remove_all(MountSide& side) {
    return seconds_of_shell(side.path(), "rm -r tree");
}

double memory(const MountSide& side) {
    std::ifstream lines(fmt::format("/proc/{}/smaps_rollup", side.pid()));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string field;
        double kilobytes = 0;
        if (fields >> field >> kilobytes && field == "Pss:") {
            return kilobytes / 1000;
        }
    }
    throw std::runtime_error("only root may measure memory: sudo ./dev bench mount");
}

}  // namespace ecryptfs::bench
