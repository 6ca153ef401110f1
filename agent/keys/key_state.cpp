// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/key_state.h"

namespace ecryptfs::agent {

std::string_view state_name(KeyState state) {
    switch (state) {
        case KeyState::kUnopened:
            return "unopened";
        case KeyState::kUnlocked:
            return "unlocked";
        case KeyState::kLocked:
            return "locked";
        case KeyState::kExpired:
            return "expired";
        case KeyState::kRevoked:
            return "revoked";
        case KeyState::kMissing:
            return "missing";
        case KeyState::kUnusable:
            break;
    }
    return "unusable";
}

}  // namespace ecryptfs::agent
