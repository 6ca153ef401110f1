// SPDX-License-Identifier: Apache-2.0
//
// PKCS#11 libraries: those that the system's p11-kit configuration names, or one by its path.

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "pki-modules/pkcs11/cryptoki.h"
#include "pki-modules/pkcs11/key_uri.h"

namespace ecryptfs::pkcs11_module {

struct TokenInfo {
    TokenName name;
    unsigned long flags = 0;         // CKF_… of C_GetTokenInfo
    unsigned long min_pin_size = 0;  // bytes
    unsigned long max_pin_size = 0;

    bool has(unsigned long flag) const { return (flags & flag) != 0; }
};

struct MechanismInfo {
    unsigned long min_bits = 0;
    unsigned long max_bits = 0;
    unsigned long flags = 0;
};

// A library, managed by p11-kit, and initialized for threads at its first use. Lives as long as the
// process. Any thread.
class Library {
  public:
    // The libraries that fit the URI, initialized. Leaves out those that cannot be initialized,
    // unless none can. kNotFound if no library has that path or name.
    static base::Result<std::vector<Library*>> find_all(const KeyUri& uri);

    Library(Functions* functions, std::string name, std::string path)
        : functions_(functions), name_(std::move(name)), path_(std::move(path)) {}

    Functions& functions() const { return *functions_; }
    const std::string& name() const { return name_; }
    const std::string& path() const { return path_; }

    // Slots that hold a token. Restarts the library if it cannot tell: it may stand for a server
    // that was restarted.
    base::Result<std::vector<SlotId>> slots();
    // How often it was started. A start ends all sessions.
    std::uint64_t starts() const { return starts_; }
    // CKR_OK, or why not: a token may be removed at any time.
    ReturnValue token_info(SlotId slot, TokenInfo& info) const;
    // The slot that holds the token now.
    std::optional<SlotId> find(const TokenName& token);
    // Nothing if the token lacks the mechanism (CKM_…).
    std::optional<MechanismInfo> mechanism_info(SlotId slot, unsigned long type) const;

  private:
    friend class Libraries;
    base::Result<void> initialize();
    ReturnValue get_slots(std::vector<SlotId>& to) const;
    bool is_idle_client() const;
    ReturnValue restart();
    bool lists_mechanism(SlotId slot, unsigned long type) const;

    Functions* functions_;
    std::string name_;
    std::string path_;
    std::mutex mutex_;
    mutable std::mutex info_mutex_;
    std::atomic<std::uint64_t> starts_ = 0;
};

}  // namespace ecryptfs::pkcs11_module
