// SPDX-License-Identifier: Apache-2.0
//
// The calling process's kernel keyrings, keyrings(7): one function a system call, or near it.

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

// The user keyring (@u). By this number the process possesses it, linked or not.
KeySerial user_keyring();

// The user keyring (@u), or the session keyring (@s) that this process has, without making a new
// one: a keyring that the kernel makes on demand would go with this process. Errors: kKeyRevoked
// for a session keyring of a session that ended; kAccessDenied.
base::Result<KeySerial> find_keyring(Keyring keyring);

// Adds a token, or gives the one that is there a new payload, which takes its timeout away. Errors:
// kQuotaExceeded; kKeyExpired and kKeyRevoked, of the keyring or of the token that is there.
base::Result<KeySerial> add_token(KeySerial keyring, const wire::KeySignature& signature,
                                  base::ByteView payload);

// The tokens directly in a keyring, expired and revoked ones too as far as /proc/keys shows them.
base::Result<std::vector<KeySerial>> list_tokens(KeySerial keyring,
                                                 const wire::KeySignature& signature);

// Those of the two keyrings that have a token of this signature directly in them, dead or alive. A
// keyring that cannot be read counts as empty.
std::vector<Keyring> keyrings_with_token(const wire::KeySignature& signature);

struct NamedToken {
    wire::KeySignature signature;
    KeySerial serial;
};

// The living tokens of private keys directly in a keyring, as far as this process may read them.
base::Result<std::vector<NamedToken>> private_key_tokens(KeySerial keyring);

// Whether the key is alive, and a token of this signature by its type and description.
bool is_token(KeySerial key, const wire::KeySignature& signature);

// Whether the session keyring links the user keyring: mount(2) looks there alone.
base::Result<bool> user_keyring_is_linked();

// A token's payload: a secret if it is a passphrase's. kAccessDenied, kKeyExpired, kKeyRevoked.
base::Result<base::SecretBytes> read_token(KeySerial token);

// The same into memory of kMaxPayloadSize bytes that the caller has; gives the part that was used.
base::Result<base::ByteView> read_token(KeySerial token, base::ByteSpan buffer);

// The token that a search of the keyring finds, and of those nested in it, as mount(2) does it.
// kUnknownKey if there is none; kKeyExpired, kKeyRevoked, kAccessDenied.
base::Result<KeySerial> find_token(KeySerial keyring, const wire::KeySignature& signature);

// The key of this type and signature that mount(2) would find, which searches the process's and the
// session's keyrings. kUnknownKey if there is none; kKeyExpired, kKeyRevoked, kAccessDenied.
base::Result<KeySerial> request_token(const wire::KeySignature& signature,
                                      const char* type = "user");

base::Result<void> link(KeySerial key, KeySerial keyring);
base::Result<void> unlink(KeySerial key, KeySerial keyring);

// Makes what is in @u this process's own, for as long as it runs: some calls need it.
base::Result<void> possess_user_keyring();

// Links @u into the session keyring, for the programs that share that as well.
base::Result<void> share_user_keyring();

// The owner of the session keyring; nothing if there is none that lives.
std::optional<uid_t> session_keyring_owner();

// Gives this process a session keyring of its own, which it and the programs that it starts have
// instead of the one there was, and nobody else. It is empty, or links the one there was.
base::Result<void> start_session_keyring(bool links_old);

base::Result<void> set_timeout(KeySerial key, std::chrono::seconds timeout);

// Lets every process of this user view, read and find the key by its serial number, as the agent
// must that cannot search this session's keyring. Possessors keep all permissions.
base::Result<void> let_user_read(KeySerial key);

// Only who possesses the key, by a keyring of its session, may read and find it. Processes of this
// user still see that it is there.
base::Result<void> keep_from_user(KeySerial key);

}  // namespace ecryptfs::keyring
