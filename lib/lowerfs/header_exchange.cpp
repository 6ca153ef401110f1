// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/header_exchange.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/base/file_io.h"
#include "lib/base/try.h"

namespace ecryptfs::lowerfs {
namespace {

using base::ErrorCode;
using base::Result;

constexpr mode_t kModeBits = 07777;

std::unexpected<base::Error> failed(std::string_view what) {
    return std::unexpected(base::system_error(what, errno));
}

// Keeps a file's mode and modification time, and makes it writable for its owner until then.
class KeptStatus {
  public:
    explicit KeptStatus(int fd) : fd_(fd), known_(::fstat(fd, &status_) == 0) {
        if (known_ && (status_.st_mode & S_IWUSR) == 0) {
            static_cast<void>(::fchmod(fd_, (status_.st_mode & kModeBits) | S_IWUSR));
        }
    }
    KeptStatus(const KeptStatus&) = delete;
    KeptStatus& operator=(const KeptStatus&) = delete;
    ~KeptStatus() {
        struct stat now{};
        if (known_ && ::fstat(fd_, &now) == 0 && now.st_mode != status_.st_mode) {
            static_cast<void>(::fchmod(fd_, status_.st_mode & kModeBits));
        }
    }

    bool restore_times() const {
        const std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, status_.st_mtim};
        return known_ && ::futimens(fd_, times.data()) == 0;
    }

  private:
    int fd_;
    struct stat status_{};
    bool known_;
};

base::UniqueFd open_for_writing(int fd) {
    return base::UniqueFd(
        ::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY));
}

// In one call: after that there is either header, if not the power fails.
Result<void> write_front(int fd, const ChangedBytes& change) {
    const KeptStatus kept(fd);
    const auto writable = open_for_writing(fd);
    if (!writable) {
        return failed("opening it for writing");
    }
    if (!base::write_at(writable.get(), change.offset, change.after)) {
        return failed("writing its header");
    }
    std::vector<std::uint8_t> written(change.after.size());
    if (base::read_at(fd, change.offset, written) != written.size() || written != change.after) {
        return std::unexpected(
            base::Error{ErrorCode::kInternal, "its new header cannot be read", ""});
    }
    return kept.restore_times() ? Result<void>() : failed("keeping its times");
}

Result<void> write_attribute(int fd, const std::vector<std::uint8_t>& header) {
    const KeptStatus kept(fd);
    if (::fsetxattr(fd, lower::kHeaderAttribute, header.data(), header.size(), XATTR_REPLACE) !=
        0) {
        return failed("writing its header");
    }
    return {};
}

}  // namespace

ChangedBytes changed_bytes(const HeaderExchange& exchange) {
    const auto& before = exchange.file.header_bytes;
    auto after = exchange.header;
    after.resize(before.size());
    const auto first = std::ranges::mismatch(before, after).in1 - before.begin();
    const auto last =
        std::mismatch(before.rbegin(), before.rend(), after.rbegin()).first.base() - before.begin();
    if (first >= last) {
        return {};
    }
    return {static_cast<std::size_t>(first),
            {before.begin() + first, before.begin() + last},
            {after.begin() + first, after.begin() + last}};
}

Result<void> exchange_header(const HeaderExchange& exchange) {
    const auto& file = exchange.file;
    const auto found = TRY(find_header(file.fd.get()));
    if (found.in_attribute != file.header_in_attribute || found.bytes != file.header_bytes) {
        return std::unexpected(base::Error{ErrorCode::kBusy, "its header has changed meanwhile",
                                           "end what writes to it, and run this again"});
    }
    return file.header_in_attribute ? write_attribute(file.fd.get(), exchange.header)
                                    : write_changed_bytes(file.fd.get(), changed_bytes(exchange));
}

Result<void> write_changed_bytes(int fd, const ChangedBytes& change) {
    return change.after.empty() ? Result<void>() : write_front(fd, change);
}

}  // namespace ecryptfs::lowerfs
