// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/token_presence.h"

#include <fmt/format.h>
#include <p11-kit/pkcs11.h>

#include <utility>

#include "lib/base/shell_word.h"

namespace ecryptfs::pkcs11_module {

TokenPresence::TokenPresence(Library& library, TokenName name, SlotId slot)
    : library_(library),
      name_(std::move(name)),
      text_(fmt::format("token \"{}\"", name_.label.empty() ? name_.serial : name_.label)),
      slot_(slot) {}

std::string TokenPresence::tool_command(std::string_view arguments) const {
    constexpr std::size_t kMost = 180;  // in an advice, of ECRYPTFS_PKI_MAX_TEXT bytes
    // p11-kit's own library stands for those that it does not know by a path.
    const auto command = [&](std::string_view library) {
        return fmt::format("pkcs11-tool --module {} --token-label {} {}", library,
                           base::shell_word(name_.label), arguments);
    };
    const auto& path = library_.path();
    auto whole = command(path.empty() ? "p11-kit-proxy.so" : base::shell_word(path));
    return whole.size() <= kMost ? whole : command("LIBRARY");
}

SlotId TokenPresence::slot() const {
    const std::scoped_lock lock(mutex_);
    return slot_;
}

void TokenPresence::set_slot(SlotId slot) {
    const std::scoped_lock lock(mutex_);
    slot_ = slot;
}

bool TokenPresence::find_again() {
    const auto found = library_.find(name_);
    if (found) {
        set_slot(*found);
    } else {
        note_absence();
    }
    return found.has_value();
}

ReturnValue TokenPresence::check_slot(SlotId slot) const {
    TokenInfo info;
    const auto result = library_.token_info(slot, info);
    return result == CKR_OK && info.name != name_ ? CKR_TOKEN_NOT_PRESENT : result;
}

base::Result<TokenInfo> TokenPresence::info() {
    TokenInfo info;
    if (library_.token_info(slot(), info) == CKR_OK && info.name == name_) {
        return info;
    }
    if (find_again()) {
        if (library_.token_info(slot(), info) == CKR_OK) {
            return info;
        }
        note_absence();
    }
    return std::unexpected(cryptoki_error("C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT, text_));
}

std::uint64_t TokenPresence::absences() const {
    const std::scoped_lock lock(mutex_);
    return absences_;
}

void TokenPresence::note_absence() {
    const std::scoped_lock lock(mutex_);
    ++absences_;
}

base::Error TokenPresence::error(std::string_view call, ReturnValue value) {
    return cryptoki_error(call, info() ? value : CKR_TOKEN_NOT_PRESENT, text_);
}

}  // namespace ecryptfs::pkcs11_module
