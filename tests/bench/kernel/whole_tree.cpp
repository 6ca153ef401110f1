// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/kernel/whole_tree.h"

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "tests/bench/side.h"

namespace ecryptfs::bench {
namespace {

void run(const vm::UserSession& session, const vm::Arguments& command,
         const std::string& input = "") {
    const auto outcome = session.run(command, input);
    if (outcome.exit_code != 0) {
        throw std::runtime_error(fmt::format("{}: {}", command.front(), outcome.err));
    }
}

}  // namespace

WholeTree::WholeTree(const vm::UserSession& session, const std::string& name, KeyFile key,
                     std::size_t count, std::size_t size)
    : session_(session),
      key_(std::move(key)),
      count_(count),
      copy_(session.user().home() + "/copy-of-" + name),
      passphrase_file_(session.user().home() + "/passphrase"),
      mount_(session, name) {
    mount_.mount(vm::mount_options({key_.signature}));
    // Not of zeros, which would become holes.
    run(session_,
        {"sh", "-c",
         fmt::format("for i in $(seq {}); do head --bytes={} /dev/urandom >{}/$i || exit; done",
                     count, size, mount_.upper().string())});
    run(session_, {"tee", passphrase_file_}, key_.passphrase);
}

double WholeTree::copied_from_mount() {
    mount_.mount_anew();  // and so with nothing in the kernel's memory
    return rate_of({"cp", "--recursive", mount_.upper(), copy_});
}

double WholeTree::decrypted() {
    return rate_of({ECRYPTFSCTL, "decrypt", mount_.lower(), "--output", copy_, "--key", key_.path,
                    "--key-passphrase-file", passphrase_file_, "--module-dir",
                    ECRYPTFS_MODULE_FOLDER, "--pki-host", ECRYPTFS_PKI_HOST});
}

double WholeTree::rate_of(const vm::Arguments& command) const {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    run(session_, command);
    const Seconds time = Clock::now() - start;
    run(session_, {"rm", "--recursive", copy_});
    return static_cast<double>(count_) / time.count();
}

}  // namespace ecryptfs::bench
