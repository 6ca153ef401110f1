// SPDX-License-Identifier: Apache-2.0
//
// The kernel's keyrings of this process, and the keys in them: keyrings(7). Most functions are one
// system call.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/keyring/key_serial.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::keyring {

enum class Keyring : std::uint8_t { kUser, kSession };

// "user" or "session".
std::string_view keyring_name(Keyring keyring);

// The largest payload of a key of type "user" (security/keys/user_defined.c).
inline constexpr std::size_t kMaxPayloadSize = 32767;

// The user keyring (@u). A process possesses it by this number, whether it has linked it or not.
KeySerial user_keyring();

// The user keyring (@u), or this process's session keyring (@s). Makes no new one: a keyring that
// the kernel makes on demand would go with this process. kKeyRevoked for the keyring of a session
// that has ended; kAccessDenied.
base::Result<KeySerial> find_keyring(Keyring keyring);

// Adds a token. One of this signature gets the new payload instead, and loses its timeout.
// kQuotaExceeded; kKeyExpired and kKeyRevoked, of the keyring or of the old token.
base::Result<KeySerial> add_token(KeySerial keyring, const wire::KeySignature& signature,
                                  base::ByteView payload);

// The tokens of this signature directly in a keyring. Of dead ones those that /proc/keys shows.
base::Result<std::vector<KeySerial>> list_tokens(KeySerial keyring,
                                                 const wire::KeySignature& signature);

// The keyrings that list_tokens() finds a token of this signature in. A keyring that cannot be read
// counts as empty.
std::vector<Keyring> keyrings_with_token(const wire::KeySignature& signature);

struct NamedToken {
    wire::KeySignature signature;
    KeySerial serial;
};

// The living tokens of private keys directly in a keyring, as far as this process may read them.
base::Result<std::vector<NamedToken>> private_key_tokens(KeySerial keyring);

// Whether the key is alive, and a token of this signature by its type and description.
bool is_token(KeySerial key, const wire::KeySignature& signature);

// Whether the session keyring links the user keyring: mount(2) searches the session keyring only.
base::Result<bool> user_keyring_is_linked();

// A token's payload, which is a secret if the token is a passphrase's. kAccessDenied, kKeyExpired,
// kKeyRevoked.
base::Result<base::SecretBytes> read_token(KeySerial token);

// The same, into a buffer of kMaxPayloadSize bytes; gives the part that it fills.
base::Result<base::ByteView> read_token(KeySerial token, base::ByteSpan buffer);

// Searches a keyring, and the keyrings nested in it, as mount(2) does. kUnknownKey if it has no
// such token; kKeyExpired, kKeyRevoked, kAccessDenied.
base::Result<KeySerial> find_token(KeySerial keyring, const wire::KeySignature& signature);

// The key of this type and signature that mount(2) would find in the process's and the session's
// keyrings. kUnknownKey if there is none; kKeyExpired, kKeyRevoked, kAccessDenied.
base::Result<KeySerial> request_token(const wire::KeySignature& signature,
                                      const char* type = "user");

base::Result<void> link(KeySerial key, KeySerial keyring);
base::Result<void> unlink(KeySerial key, KeySerial keyring);

// Links @u into this process's own keyring, so that the process possesses the keys in it: some
// calls need that.
base::Result<void> link_user_keyring_to_process();

// Links @u into the session keyring, also for the other programs of the session.
base::Result<void> link_user_keyring_to_session();

// The owner of the session keyring; nothing if there is no living one.
std::optional<uid_t> session_keyring_owner();

// Gives this process a session keyring of its own, in place of the old one. The programs that it
// starts share it, nobody else. It is empty, or links the old one.
base::Result<void> start_session_keyring(bool links_old);

base::Result<void> set_timeout(KeySerial key, std::chrono::seconds timeout);

// Lets every process of this user view, read and find the key by its serial number. The agent needs
// that, since it cannot search this session's keyring. Possessors keep all permissions.
base::Result<void> allow_user_to_read(KeySerial key);

// Lets only processes that possess the key, by a keyring of their session, read and find it. Other
// processes of this user still see that it exists.
base::Result<void> allow_possessors_only(KeySerial key);

}  // namespace ecryptfs::keyring
