// SPDX-License-Identifier: Apache-2.0

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string_view>
#include <vector>

#include "fuse/acting_as.h"
#include "fuse/agent_keys.h"
#include "fuse/background.h"
#include "fuse/filesystem.h"
#include "fuse/given_keys.h"
#include "fuse/key_watch.h"
#include "fuse/mount_keys.h"
#include "fuse/options.h"
#include "fuse/rights.h"
#include "fuse/session.h"
#include "fuse/unmounter.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/base/process.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"
#include "lib/keyring/passphrase_key.h"

namespace {

using namespace ecryptfs;
using base::Result;

// Open files and the folders that are in use have descriptors.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

Result<base::UniqueFd> open_lower(const std::string& path) {
    base::UniqueFd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        return std::unexpected(base::system_error(path, errno));
    }
    return folder;
}

// Looks among those that were handed over, and then in the keyrings. kNotSupported is no error: the
// agent has that key.
Result<lower::PassphraseKey> find_key(std::vector<lower::PassphraseKey>& given,
                                      const wire::KeySignature& signature) {
    const auto known = std::ranges::find(given, signature, &lower::PassphraseKey::signature);
    if (known != given.end() && !known->key.empty()) {
        auto key = TRY(base::SecretBytes::copy(known->key.view()));
        return lower::PassphraseKey{signature, std::move(key), known->salt};
    }
    auto found = keyring::read_passphrase_key(signature);
    if (!found) {
        found.error().advice = base::add_passphrase_advice();
        return std::unexpected(std::move(found.error()));
    }
    return lower::PassphraseKey{signature, std::move(found->key), found->salt};
}

// For libfuse, which parts a list of options at commas.
std::string escaped_value(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        escaped += c == ',' || c == '\\' ? "\\" : "";
        escaped += c;
    }
    return escaped;
}

bool admits_others(const fuse::Options& options) {
    return std::ranges::any_of(options.fuse,
                               [](const auto& option) { return option.starts_with("allow_"); });
}

// Others whom the mount lets in have what each file's mode gives them, and no more. The kernel
// checks that only if it is told to.
std::vector<std::string> fuse_options(const fuse::Options& options) {
    auto list = options.fuse;
    if (admits_others(options)) {
        list.emplace_back("default_permissions");
    }
    list.emplace_back("subtype=ecryptfs-fuse");
    list.emplace_back("fsname=" + escaped_value(options.lower));
    return list;
}

// Threads that are started meanwhile take no signal: one that is to end the program must wake the
// thread that serves.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

Result<void> run(const fuse::Options& options) {
    auto background = TRY(fuse::Background::start(options.foreground));
    std::vector<lower::PassphraseKey> given;
    if (options.keys_on_stdin) {
        given = TRY(fuse::take_given_keys());
    }
    const auto unmounter = TRY(fuse::Unmounter::start(options.upper));
    TRY(base::forbid_dumps());
    raise_descriptor_limit();
    ::umask(0);  // the kernel has taken off that of who makes a file
    auto lower = TRY(open_lower(options.lower));
    fuse::KeyWatch watch;
    fuse::AgentKeys agent([&watch](const channel::Note& note) { watch.take(note); });
    const auto find = [&given](const wire::KeySignature& signature) {
        return find_key(given, signature);
    };
    const auto keys = TRY(fuse::MountKeys::load(options.folder, find, agent));
    given.clear();  // from now on the mount alone has them, and forgets them when it is told to
    // With passphrases alone the agent is of use, too, as it tells when to lock; but not needed.
    if (auto connected = agent.connect(); !connected && keys->has_private_keys()) {
        return connected;
    }
    const base::UniqueFd allowed(::fcntl(lower.get(), F_DUPFD_CLOEXEC, 0));
    fuse::Filesystem files(std::move(lower), *keys, options.folder);
    auto session = TRY(fuse::Session::mount(files, options.upper, fuse_options(options)));
    const bool serves_others = admits_others(options) && fuse::prepare_acting();
    if (serves_others) {
        files.serve_others();
    }
    if (admits_others(options)) {
        files.leave_modes_to_kernel();
    }
    TRY(fuse::give_up_rights(allowed, serves_others));
    {
        const SignalsBlocked in_new_threads;
        agent.start();
        keys->start();
        watch.start({.keys = *keys,
                     .files = files,
                     .invalidate = [&session](fuse::NodeId id) { session.invalidate(id); },
                     .confirm = [&agent](std::uint32_t number) { agent.confirm(number); }});
    }
    background.ready();
    auto served = session.serve();
    watch.stop();
    return served;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = fuse::parse_options(argc, argv);
    if (!options) {
        return options.error();
    }
    const auto done = run(*options);
    return done ? 0 : fuse::report(done.error());
}
