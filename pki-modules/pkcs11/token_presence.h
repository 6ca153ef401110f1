// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "pki-modules/pkcs11/library.h"

namespace ecryptfs::pkcs11_module {

// Tracks where one token is. Finds it when it comes back, in whatever slot. Any thread.
class TokenPresence {
  public:
    TokenPresence(Library& library, TokenName name, SlotId slot);

    Library& library() const { return library_; }
    const TokenName& name() const { return name_; }
    // "token \"a\"", for messages.
    const std::string& text() const { return text_; }

    // "pkcs11-tool --module … --token-label … ARGUMENTS", to be typed in a shell: for advice.
    std::string tool_command(std::string_view arguments) const;

    SlotId slot() const;
    void set_slot(SlotId slot);
    // Searches all slots: false if the token is in none.
    bool find_again();
    // CKR_OK if this token is in the slot, and no other.
    ReturnValue check_slot(SlotId slot) const;
    // kTokenRemoved if it is in no slot.
    base::Result<TokenInfo> info();

    // How often the token was found to be away: afterwards it may not be as it was.
    std::uint64_t absences() const;
    void note_absence();

    // What a call's return value means; kTokenRemoved, whatever the library said, if the token is
    // gone.
    base::Error error(std::string_view call, ReturnValue value);

  private:
    Library& library_;
    const TokenName name_;
    const std::string text_;
    mutable std::mutex mutex_;
    SlotId slot_;
    std::uint64_t absences_ = 0;
};

}  // namespace ecryptfs::pkcs11_module
