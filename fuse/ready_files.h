// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "lib/base/error.h"
#include "lib/lower/file_key.h"

namespace ecryptfs::fuse {

// What a new lower file begins with, and the key of its contents.
struct NewFile {
    lower::FileKey key;
    std::vector<std::uint8_t> header;
};

// New files that are made ahead of their need, since a private key's public half takes its time.
// Made in a thread that sleeps until some are used up. Any thread.
class ReadyFiles {
  public:
    static constexpr std::size_t kMostFiles = 256;

    // `make` makes one; it may wait.
    explicit ReadyFiles(std::function<base::Result<NewFile>()> make);
    ReadyFiles(const ReadyFiles&) = delete;
    ReadyFiles& operator=(const ReadyFiles&) = delete;
    ~ReadyFiles();

    // Begins to make some.
    void start();

    // One that is ready, if there is one; more are made then.
    std::optional<NewFile> take();

    // Wipes what is ready. The next take() begins anew.
    void forget();

  private:
    void run();

    std::function<base::Result<NewFile>()> make_;
    std::mutex mutex_;
    std::condition_variable wanted_;
    std::deque<NewFile> files_;
    bool is_wanted_ = false;
    bool is_ending_ = false;
    std::uint64_t round_ = 0;  // counts what forget() ended
    std::thread maker_;
};

}  // namespace ecryptfs::fuse
