// SPDX-License-Identifier: Apache-2.0

#include "lib/keyring/token_writer.h"

#include <fmt/format.h>

#include "lib/base/try.h"
#include "lib/base/verb_advice.h"

namespace ecryptfs::keyring {
namespace {

using base::ErrorCode;
using base::Result;

bool is_dead(ErrorCode code) {
    return code == ErrorCode::kKeyExpired || code == ErrorCode::kKeyRevoked;
}

Result<void> unlink_all(const std::vector<KeySerial>& tokens, KeySerial keyring) {
    for (const KeySerial token : tokens) {
        TRY(unlink(token, keyring));
    }
    return {};
}

// An expired or revoked token of the same name is in the way until it is unlinked.
Result<KeySerial> add_or_replace(KeySerial keyring, const wire::KeySignature& signature,
                                 base::ByteView payload, const std::vector<KeySerial>& old) {
    auto added = add_token(keyring, signature, payload);
    if (!added && is_dead(added.error().code) && !old.empty() && unlink_all(old, keyring)) {
        added = add_token(keyring, signature, payload);
    }
    return added;
}

// mount(2) searches the session keyring: link @u into it where login did not (docs/protocol.md
// section 4; systemd units and su are the usual cases).
Result<void> reach_from_session(const wire::KeySignature& signature, KeySerial token,
                                KeySerial user_keyring) {
    const auto session = TRY(find_keyring(Keyring::kSession));
    if (find_token(session, signature) == token) {
        return {};
    }
    TRY(link(user_keyring, session));
    if (find_token(session, signature) != token) {
        return std::unexpected(base::Error{ErrorCode::kInternal, "it does not find the key"});
    }
    return {};
}

Result<void> set_token_timeout(Keyring keyring, KeySerial token, std::chrono::seconds timeout) {
    auto set = set_timeout(token, timeout);
    // Only a possessor may set attributes, and this session may not link @u.
    if (!set && set.error().code == ErrorCode::kAccessDenied && keyring == Keyring::kUser &&
        link_user_keyring_to_process()) {
        set = set_timeout(token, timeout);
    }
    return set;
}

Result<void> finish(const TokenPlace& place, const wire::KeySignature& signature, KeySerial keyring,
                    TokenReader reader, WrittenToken& written) {
    if (place.keyring == Keyring::kSession) {
        // For an old token, too: an earlier version let the user read all of them.
        TRY(reader == TokenReader::kAgent ? allow_user_to_read(written.serial)
                                          : allow_possessors_only(written.serial));
    } else if (const auto reached = reach_from_session(signature, written.serial, keyring);
               !reached) {
        written.warnings.push_back(fmt::format(
            "mount will not find the key from here, as this session's keyring cannot be "
            "used ({}); log in again, or run: keyctl session, and there: keyctl link @u "
            "@s",
            reached.error().message));
    }
    return place.timeout ? set_token_timeout(place.keyring, written.serial, *place.timeout)
                         : Result<void>();
}

base::Error with_advice(base::Error error, Keyring keyring) {
    if (error.advice.empty() && keyring == Keyring::kSession) {
        error.advice = base::session_keyring_advice();
    }
    return error;
}

}  // namespace

Result<WrittenToken> write_token(const TokenPlace& place, const wire::KeySignature& signature,
                                 base::ByteView payload, TokenReader reader) {
    const auto keyring = find_keyring(place.keyring);
    if (!keyring) {
        return std::unexpected(with_advice(keyring.error(), place.keyring));
    }
    const auto old = list_tokens(*keyring, signature).value_or(std::vector<KeySerial>{});
    const auto added = add_or_replace(*keyring, signature, payload, old);
    if (!added) {
        return std::unexpected(with_advice(added.error(), place.keyring));
    }
    WrittenToken written{.serial = *added, .replaced_old = !old.empty()};
    if (const auto finished = finish(place, signature, *keyring, reader, written); !finished) {
        if (const auto undone =
                written.replaced_old ? Result<void>() : unlink(written.serial, *keyring);
            !undone) {
            return std::unexpected(undone.error());
        }
        return std::unexpected(finished.error());
    }
    return written;
}

Result<void> unlink_token(const TokenPlace& place, const WrittenToken& written) {
    const auto keyring = TRY(find_keyring(place.keyring));
    return unlink(written.serial, keyring);
}

Result<std::vector<Keyring>> remove_token(const wire::KeySignature& signature) {
    std::vector<Keyring> found;
    for (const Keyring place : {Keyring::kUser, Keyring::kSession}) {
        const auto keyring = find_keyring(place);
        const auto tokens = keyring
                                ? list_tokens(*keyring, signature)
                                : Result<std::vector<KeySerial>>(std::unexpected(keyring.error()));
        if (!tokens && place == Keyring::kUser) {
            return std::unexpected(tokens.error());
        }
        if (!tokens || tokens->empty()) {
            continue;
        }
        TRY(unlink_all(*tokens, *keyring));
        found.push_back(place);
    }
    return found;
}

}  // namespace ecryptfs::keyring
