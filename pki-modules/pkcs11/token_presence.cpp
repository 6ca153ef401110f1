// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/token_presence.h"

#include <fmt/format.h>
#include <p11-kit/pkcs11.h>

#include <utility>

namespace ecryptfs::pkcs11_module {

TokenPresence::TokenPresence(Library& library, TokenName name, SlotId slot)
    : library_(library),
      name_(std::move(name)),
      text_(fmt::format("token \"{}\"", name_.label.empty() ? name_.serial : name_.label)),
      slot_(slot) {}

SlotId TokenPresence::slot() const {
    const std::scoped_lock lock(mutex_);
    return slot_;
}

void TokenPresence::move_to(SlotId slot) {
    const std::scoped_lock lock(mutex_);
    slot_ = slot;
}

bool TokenPresence::find_again() {
    const auto found = library_.find(name_);
    if (found) {
        move_to(*found);
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
