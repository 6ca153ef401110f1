// SPDX-License-Identifier: Apache-2.0
//
// ./dev bench mount: ecryptfs-fuse beside gocryptfs and the bare file system, in turns. A line of
// JSON on standard output for each figure. Keys are in a session keyring of its own.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp()

#include <functional>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/bench/kernel/figure_line.h"
#include "tests/bench/mount/file_work.h"
#include "tests/bench/mount/sides.h"
#include "tests/bench/mount/tree_work.h"

namespace {

using namespace ecryptfs;
namespace fs = std::filesystem;
using bench::MountSide;

constexpr bench::WorkSizes kQuickSizes{std::size_t{128} << 20, std::size_t{8} << 20, 10'000, 1'000};
constexpr bench::WorkSizes kFullSizes{std::size_t{512} << 20, std::size_t{32} << 20, 40'000, 4'000};

// A row of the table as its rounds add up. Of times and memory, less is better.
struct Row {
    std::string name;
    double goal;  // of the ratio to gocryptfs; above 1 is better
    bool less_is_better;
    int decimals;
    std::function<double(MountSide&)> measure;
    std::vector<double> bare{};
    std::vector<double> other{};
    std::vector<double> ours{};
};

// Goes with all that is in it.
class Place {
  public:
    explicit Place(const std::string& folder) {
        std::string name = folder + "/ecryptfs-bench-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("cannot make a folder in " + folder);
        }
        path_ = name;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

std::vector<Row> file_rows(const bench::WorkSizes& sizes) {
    using namespace bench;
    const auto row = [&](const char* name, double goal,
                         double (*work)(const fs::path&, const WorkSizes&)) {
        return Row{name, goal, false, 0, [=](MountSide& side) { return work(side.path(), sizes); }};
    };
    const auto pieces = [&](const char* name, double goal, std::size_t piece) {
        return Row{name, goal, false, 1,
                   [=](MountSide& side) { return write_pieces(side.path(), sizes, piece); }};
    };
    return {row("sequential write, MB/s", 1.5, write_file),
            row("rewrite, 128 KiB, MB/s", 1.4, rewrite_file),
            pieces("write of 512 bytes, MB/s", 2, 512),
            pieces("write of 4 KiB, MB/s", 1.8, 4096),
            row("sequential read, MB/s", 1.3, read_file),
            row("random read 4 KiB, 1/s", 1.5, read_at_random),
            row("random write 4 KiB, 1/s", 2, write_at_random),
            row("… fdatasync after each, 1/s", 1.5, write_and_sync)};
}

std::vector<Row> tree_rows(const fs::path& archive) {
    using namespace bench;
    const auto row = [](const char* name, double goal, double (*work)(MountSide&)) {
        return Row{name, goal, true, 3, work};
    };
    return {Row{"untar, s", 1.5, true, 3, [=](MountSide& side) { return untar(side, archive); }},
            Row{"memory after that, MB", 1, true, 1,
                [](MountSide& side) { return side.pid() == 0 ? 0 : memory(side); }},
            row("ls -lR cold, s", 1.3, list_all),
            row("find cold, s", 1, find_all),
            row("read all, cold, s", 1.4, read_all),
            row("git status cold, s", 1.3, git_status_cold),
            row("git status warm, s", 3, git_status_warm),
            row("rm -r, s", 1.4, remove_all)};
}

bench::Figure figure(const Row& row, const std::string& where) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < row.ours.size(); ++i) {
        ratios.push_back(row.less_is_better ? row.other[i] / row.ours[i]
                                            : row.ours[i] / row.other[i]);
    }
    return {.name = fmt::format("{}: {}", where, row.name),
            .limit_name =
                fmt::format("gocryptfs (bare: {:.{}f})", bench::median(row.bare), row.decimals),
            .value = bench::median(row.ours),
            .limit = bench::median(row.other),
            .ratio = bench::median(ratios),
            .target = row.goal,
            .kind = bench::Target::kRatioAtLeast,
            .decimals = row.decimals};
}

void measure_round(std::span<Row> rows, MountSide& bare, MountSide& other, MountSide& ours) {
    for (auto& row : rows) {
        row.bare.push_back(row.measure(bare));
        row.other.push_back(row.measure(other));
        row.ours.push_back(row.measure(ours));
        std::cerr << fmt::format("{}: {:.4g} | {:.4g} | {:.4g}\n", row.name, row.bare.back(),
                                 row.other.back(), row.ours.back());
    }
}

void measure_place(const std::string& folder, const std::string& name,
                   const bench::WorkSizes& sizes, int rounds) {
    const Place place(folder);
    const auto archive = bench::make_archive(place.path());
    const auto bare = bench::bare_folder(place.path());
    const auto other = bench::gocryptfs(place.path());
    const auto ours = bench::ecryptfs_fuse(place.path());
    auto rows = file_rows(sizes);
    const auto tree = tree_rows(archive);
    rows.insert(rows.end(), tree.begin(), tree.end());
    for (int round = 0; round < rounds; ++round) {
        measure_round(rows, *bare, *other, *ours);
    }
    for (const auto& row : rows) {
        std::cout << nlohmann::json(figure(row, name)) << '\n' << std::flush;
    }
}

int run(bool quick, int rounds) {
    if (::keyctl_join_session_keyring(nullptr) < 0) {
        throw std::runtime_error("cannot make a session keyring");
    }
    measure_place("/dev/shm", "tmpfs", quick ? kQuickSizes : kFullSizes, rounds);
    if (!quick) {
        measure_place("/var/tmp", "disk", kFullSizes, rounds);
    }
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: ecryptfs_mount_bench quick|full ROUNDS\n";
        return 2;
    }
    testing::InitGoogleTest();
    GTEST_FLAG_SET(throw_on_failure, true);  // parts of it expect to be in a test
    try {
        return run(argv[1] == std::string("quick"), std::stoi(argv[2]));
    } catch (const std::exception& failure) {
        std::cerr << failure.what() << '\n';
        return EXIT_FAILURE;
    }
}
