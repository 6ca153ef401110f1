// SPDX-License-Identifier: Apache-2.0

#include "lib/keyring/hidden_token.h"

#include <fmt/format.h>
#include <keyutils.h>

#include <cerrno>
#include <utility>

#include "lib/base/try.h"
#include "lib/base/verb_advice.h"
#include "lib/keyring/key_list.h"

namespace ecryptfs::keyring {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kHiddenType[] = "encrypted";
// Of those who possess it. Nobody else has any.
constexpr key_perm_t kHiddenPermissions = KEY_POS_VIEW | KEY_POS_SEARCH;

Error loading_error(int error_number) {
    // ENODEV: no such type of keys.
    if (error_number == ENODEV) {
        return {ErrorCode::kNotSupported, "the kernel has no keys of type \"encrypted\" yet",
                "load eCryptfs, which brings them: sudo modprobe ecryptfs"};
    }
    return keyring_error("adding the folder key to the keyring", error_number);
}

// Only for this thread, and not for long.
class MasterKey {
  public:
    static Result<MasterKey> add(const HiddenToken& token) {
        const auto key = ::add_key(
            "user", reinterpret_cast<const char*>(token.master_name.view().data()),
            token.master_key.view().data(), token.master_key.size(), KEY_SPEC_THREAD_KEYRING);
        if (key < 0) {
            return std::unexpected(keyring_error("adding the folder key's master key", errno));
        }
        MasterKey added(key);
        // So that its name is in no list: /proc/keys has what one may view.
        if (::keyctl_setperm(key, KEY_POS_SEARCH) != 0) {
            return std::unexpected(keyring_error("hiding the folder key's master key", errno));
        }
        return added;
    }
    MasterKey(MasterKey&& other) noexcept : key_(std::exchange(other.key_, 0)) {}
    MasterKey& operator=(MasterKey&&) = delete;
    MasterKey(const MasterKey&) = delete;
    MasterKey& operator=(const MasterKey&) = delete;
    ~MasterKey() {
        if (key_ != 0) {
            ::keyctl_invalidate(key_);
        }
    }

  private:
    explicit MasterKey(key_serial_t key) : key_(key) {}
    key_serial_t key_;
};

Result<key_serial_t> load(const HiddenToken& token) {
    const auto master = TRY(MasterKey::add(token));
    const auto added =
        ::add_key(kHiddenType, std::string(token.signature.text()).c_str(),
                  token.command.view().data(), token.command.size(), KEY_SPEC_USER_KEYRING);
    return added < 0 ? std::unexpected(loading_error(errno)) : Result<key_serial_t>(added);
}

bool is_hidden_token(const DescribedKey& key) {
    return key.type == kHiddenType && key.permissions == kHiddenPermissions;
}

// mount(2) searches the session keyring.
Result<void> reach_from_session() {
    if (user_keyring_is_linked().value_or(false) || link_user_keyring_to_session()) {
        return {};
    }
    return std::unexpected(Error{ErrorCode::kInternal,
                                 "this session's keyring does not reach the user keyring",
                                 base::session_keyring_advice()});
}

}  // namespace

Result<KeySerial> load_hidden_token(const HiddenToken& token,
                                    std::optional<std::chrono::seconds> timeout) {
    drop_hidden_token(token.signature);
    const auto serial = TRY(load(token));
    // Only a possessor may set attributes, and this session may not link @u.
    TRY(link_user_keyring_to_process());
    if ((timeout && !set_timeout(KeySerial{serial}, *timeout)) ||
        ::keyctl_setperm(serial, kHiddenPermissions) != 0) {
        const int error_number = errno;
        ::keyctl_invalidate(serial);
        return std::unexpected(keyring_error("protecting the folder key's token", error_number));
    }
    if (auto reached = reach_from_session(); !reached) {
        ::keyctl_invalidate(serial);
        return std::unexpected(std::move(reached.error()));
    }
    return KeySerial{serial};
}

std::vector<NamedToken> hidden_tokens() {
    std::vector<NamedToken> tokens;
    static_cast<void>(link_user_keyring_to_process());  // who does not possess them sees none
    for (const auto key : keys_in_keyring(user_keyring()).value_or(std::vector<KeySerial>())) {
        const auto described = describe_key(key);
        if (!described || !is_hidden_token(*described)) {
            continue;
        }
        if (const auto signature = wire::KeySignature::from_text(described->description)) {
            tokens.push_back({*signature, key});
        }
    }
    return tokens;
}

bool drop_hidden_token(const wire::KeySignature& signature) {
    bool is_dropped = false;
    for (const auto& token : hidden_tokens()) {
        if (token.signature == signature && ::keyctl_invalidate(token.serial.value) == 0) {
            is_dropped = true;
        }
    }
    return is_dropped;
}

std::vector<wire::KeySignature> drop_hidden_tokens() {
    std::vector<wire::KeySignature> dropped;
    for (const auto& token : hidden_tokens()) {
        if (::keyctl_invalidate(token.serial.value) == 0) {
            dropped.push_back(token.signature);
        }
    }
    return dropped;
}

}  // namespace ecryptfs::keyring
