// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/mount/file_work.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/base/handle.h"

namespace ecryptfs::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;
constexpr char kLargeFile[] = "large";
constexpr char kPieces[] = "pieces";

base::UniqueFd open_file(const fs::path& path, int flags) {
    base::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
    if (!fd) {
        throw std::runtime_error("cannot open " + path.string());
    }
    return fd;
}

double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void check(ssize_t done, std::size_t wanted) {
    if (done != static_cast<ssize_t>(wanted)) {
        throw std::runtime_error("a read or write did not do all");
    }
}

std::vector<char> some_bytes(std::size_t size) {
    std::vector<char> bytes(size);
    std::minstd_rand random(7);  // NOLINT(cert-msc51-cpp): the same each time
    for (auto& byte : bytes) {
        byte = static_cast<char>(random());
    }
    return bytes;
}

double write_in_pieces(const base::UniqueFd& fd, std::size_t size, std::size_t piece) {
    const auto bytes = some_bytes(piece);
    return static_cast<double>(size) / 1e6 / seconds_of([&] {
               for (std::size_t done = 0; done < size; done += piece) {
                   check(::write(fd.get(), bytes.data(), piece), piece);
               }
           });
}

void forget_pages(const base::UniqueFd& fd) {
    ::fdatasync(fd.get());  // pages that are dirty below would stay
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
}

// Operations a second at offsets that are the same each time.
double at_random(const WorkSizes& sizes, int count, const std::function<void(off_t)>& operation) {
    std::mt19937 random(11);  // NOLINT(cert-msc51-cpp): the same each time
    const auto pages = sizes.file / kPage;
    return count / seconds_of([&] {
               for (int i = 0; i < count; ++i) {
                   operation(static_cast<off_t>(random() % pages * kPage));
               }
           });
}

}  // namespace

double write_file(const fs::path& folder, const WorkSizes& sizes) {
    fs::remove(folder / kLargeFile);
    const auto fd = open_file(folder / kLargeFile, O_WRONLY | O_CREAT);
    return write_in_pieces(fd, sizes.file, std::size_t{1} << 20);
}

double rewrite_file(const fs::path& folder, const WorkSizes& sizes) {
    const auto fd = open_file(folder / kLargeFile, O_WRONLY);
    return write_in_pieces(fd, sizes.file, std::size_t{128} << 10);
}

double write_pieces(const fs::path& folder, const WorkSizes& sizes, std::size_t piece) {
    fs::remove(folder / kPieces);
    const auto fd = open_file(folder / kPieces, O_WRONLY | O_CREAT);
    const auto size = piece < kPage ? sizes.small_writes / 4 : sizes.small_writes;
    return write_in_pieces(fd, size, piece);
}

double read_file(const fs::path& folder, const WorkSizes& sizes) {
    const auto fd = open_file(folder / kLargeFile, O_RDWR);
    forget_pages(fd);
    std::vector<char> bytes(std::size_t{128} << 10);
    return static_cast<double>(sizes.file) / 1e6 / seconds_of([&] {
               for (std::size_t done = 0; done < sizes.file; done += bytes.size()) {
                   check(::read(fd.get(), bytes.data(), bytes.size()), bytes.size());
               }
           });
}

double read_at_random(const fs::path& folder, const WorkSizes& sizes) {
    const auto fd = open_file(folder / kLargeFile, O_RDWR);
    forget_pages(fd);
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
    std::vector<char> page(kPage);
    return at_random(sizes, sizes.operations, [&](off_t offset) {
        check(::pread(fd.get(), page.data(), kPage, offset), kPage);
    });
}

double write_at_random(const fs::path& folder, const WorkSizes& sizes) {
    const auto fd = open_file(folder / kLargeFile, O_RDWR);
    const auto page = some_bytes(kPage);
    return at_random(sizes, sizes.operations, [&](off_t offset) {
        check(::pwrite(fd.get(), page.data(), kPage, offset), kPage);
    });
}

double write_and_sync(const fs::path& folder, const WorkSizes& sizes) {
    const auto fd = open_file(folder / kLargeFile, O_RDWR);
    const auto page = some_bytes(kPage);
    return at_random(sizes, sizes.synced, [&](off_t offset) {
        check(::pwrite(fd.get(), page.data(), kPage, offset), kPage);
        check(::fdatasync(fd.get()), 0);
    });
}

}  // namespace ecryptfs::bench
