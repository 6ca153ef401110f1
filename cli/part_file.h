// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {

// What an unfinished file is called. One a folder, so that what a killed run leaves behind is used
// again by the next.
inline constexpr char kPartName[] = ".ecryptfsctl-unfinished";

// A new file that gets its name when it is complete, and is gone otherwise.
class PartFile {
  public:
    // Empty, for its owner only. kAlreadyExists while another program writes into this folder.
    static base::Result<PartFile> create(int folder);
    PartFile(PartFile&&) = default;
    PartFile& operator=(PartFile&&) = delete;
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;
    ~PartFile();

    int fd() const { return fd_.get(); }

    // Never replaces anything: kAlreadyExists.
    base::Result<void> publish(const std::string& name);

  private:
    PartFile(int folder, base::UniqueFd fd) : folder_(folder), fd_(std::move(fd)) {}

    int folder_;
    base::UniqueFd fd_;
};

}  // namespace ecryptfs::cli
