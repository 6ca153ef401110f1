// SPDX-License-Identifier: Apache-2.0

#include "fuse/folder_stream.h"

#include <dirent.h>
#include <unistd.h>

#include "lib/base/try.h"

namespace ecryptfs::fuse {
namespace {

constexpr std::size_t kBuffer = std::size_t{32} << 10;

}  // namespace

Outcome<void> FolderStream::refill() {
    buffer_.resize(kBuffer);
    const auto size = ::getdents64(fd_.get(), buffer_.data(), buffer_.size());
    if (size < 0) {
        is_placed_ = false;
        return failed_call();
    }
    size_ = static_cast<std::size_t>(size);
    place_ = 0;
    return {};
}

Outcome<std::optional<LowerEntry>> FolderStream::at(off_t offset) {
    const auto* entry = reinterpret_cast<const dirent64*>(buffer_.data() + place_);
    // Whoever begins anew wants what is there now.
    const bool is_same = is_placed_ && offset == offset_ && offset != 0;
    if (is_placed_ && !is_same && place_ < size_ && offset == entry->d_off) {
        place_ += entry->d_reclen;
        if (place_ >= size_) {
            TRY(refill());
        }
    } else if (!is_same) {
        if (::lseek(fd_.get(), offset, SEEK_SET) < 0) {
            return failed_call();
        }
        is_placed_ = true;
        TRY(refill());
    }
    offset_ = offset;
    if (place_ >= size_) {
        return std::nullopt;
    }
    entry = reinterpret_cast<const dirent64*>(buffer_.data() + place_);
    const mode_t type = entry->d_type;
    return LowerEntry{entry->d_name, entry->d_ino, DTTOIF(type), entry->d_off};
}

}  // namespace ecryptfs::fuse
