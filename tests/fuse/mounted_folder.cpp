// SPDX-License-Identifier: Apache-2.0

#include "tests/fuse/mounted_folder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <csignal>

#include "lib/keyring/keyrings.h"
#include "lib/lower/passphrase.h"
#include "lib/wire/auth_token.h"
#include "tests/support/wait.h"

namespace ecryptfs::test {
namespace {

std::string add_token(std::string_view passphrase, const lower::Salt& salt) {
    const auto key =
        base::value_or_throw(lower::derive_passphrase_key(base::as_bytes(passphrase), salt));
    std::array<std::uint8_t, wire::kAuthTokenSize> payload{};
    const auto token = base::value_or_throw(
        wire::encode_passphrase_token({key.signature, key.key.view(), key.salt}, payload));
    const auto session = base::value_or_throw(keyring::find_keyring(keyring::Keyring::kSession));
    base::value_or_throw(keyring::add_token(session, key.signature, token));
    return std::string(key.signature.text());
}

dev_t device_of(const std::filesystem::path& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_dev : 0;
}

}  // namespace

PassphraseTokens add_passphrase_tokens(std::string_view passphrase) {
    return {add_token(passphrase, lower::kDefaultSalt), add_token(passphrase, lower::kNameSalt)};
}

std::string mount_options(const PassphraseTokens& tokens, bool with_names) {
    const auto contents = fmt::format("ecryptfs_sig={}", tokens.contents);
    return with_names ? fmt::format("{},ecryptfs_fnek_sig={}", contents, tokens.names) : contents;
}

MountedFolder::MountedFolder(const std::filesystem::path& lower, const std::string& options,
                             Environment environment)
    : lower_(lower), options_(options), environment_(std::move(environment)) {
    mount();
}

MountedFolder::~MountedFolder() {
    unmount();
}

bool MountedFolder::ended() {
    has_ended_ = process_->wait() == 0;
    return has_ended_;
}

void MountedFolder::mount_anew() {
    unmount();
    mount();
}

void MountedFolder::kill() const {
    process_->send_signal(SIGKILL);
}

void MountedFolder::mount_after_death() {
    EXPECT_EQ(process_->wait(), 128 + SIGKILL);
    const auto parent = device_of(path().parent_path());
    wait_until("it is unmounted", [&] { return device_of(path()) == parent; });
    mount();
}

void MountedFolder::mount() {
    const auto before = device_of(path());
    process_.emplace(Command{ECRYPTFS_FUSE, {lower_, path(), "-f", "-o", options_}, environment_},
                     std::map<int, int>{{2, 2}});
    wait_until("it is mounted", [&] { return device_of(path()) != before; });
}

void MountedFolder::unmount() {
    if (has_ended_) {
        return;
    }
    const auto done = run({"/usr/bin/fusermount3", {"-u", path()}});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(process_->wait(), 0);
}

Outcome run_fuse(const Arguments& arguments) {
    return run({ECRYPTFS_FUSE, arguments});
}

}  // namespace ecryptfs::test
