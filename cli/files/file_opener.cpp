// SPDX-License-Identifier: Apache-2.0

#include "cli/files/file_opener.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "cli/ask/asking.h"
#include "cli/ask/opening.h"
#include "cli/files/key_demand.h"
#include "cli/keyrings.h"
#include "cli/output/output.h"
#include "lib/base/printable.h"
#include "lib/base/try.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lower/name_key.h"
#include "lib/pki/code_selection.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using wire::KeySignature;

// The kernel writes one packet for each key. Files with more are somebody's trap: each attempt is
// an operation of a token, which may be slow, or want a person's finger.
constexpr int kTriesOfAKey = 2;
constexpr int kTriesOfAFile = 8;

// The FEKEK of a passphrase token in the user's or the session's keyring; empty if there is none.
SecretBytes key_in_keyrings(const KeySignature& signature) {
    for (const Keyring keyring : {Keyring::kUser, Keyring::kSession}) {
        const auto serial = find_keyring(keyring);
        for (const KeySerial token :
             serial ? list_tokens(*serial, signature).value_or(std::vector<KeySerial>{})
                    : std::vector<KeySerial>{}) {
            const auto payload = read_token(token);
            const auto parsed = payload ? wire::parse_auth_token(payload->view())
                                        : std::unexpected(payload.error());
            const auto* held = parsed ? std::get_if<wire::PassphraseToken>(&*parsed) : nullptr;
            if (held == nullptr || held->signature != signature) {
                continue;
            }
            if (auto fekek = SecretBytes::copy_of(held->fekek)) {
                return std::move(*fekek);
            }
        }
    }
    return {};
}

// A name that can be a part of a path.
bool is_file_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

}  // namespace

Result<pki::ModuleHost*> FileOpener::host_of(const pki::KeyLocation& key) {
    auto& host = hosts_[{key.module, pki::code_selection(key.locator)}];
    if (!host) {
        auto started = TRY(pki::ModuleHost::start(paths_, key.module));
        host = std::make_unique<pki::ModuleHost>(std::move(started));
    }
    return host.get();
}

Result<KeySignature> FileOpener::add_private_key(const pki::KeyLocation& key,
                                                 const std::string& passphrase_file) {
    const auto host = TRY(host_of(key));
    const std::uint64_t number = ++last_number_;
    const bool person = somebody_to_ask();
    std::optional<SecretBytes> secret;
    if (!passphrase_file.empty()) {
        auto read = TRY(secret_from_file({passphrase_file, key}));
        secret = std::move(read);
    } else if (person) {
        secret.emplace();  // for a device that asks by itself
    }
    auto opened = (host)->open_key(number, key.locator, secret);
    const bool wants_secret = !opened && opened.error().code == ErrorCode::kSecretRequired;
    if (wants_secret && passphrase_file.empty() && person) {
        auto typed = TRY(ask(question_for(key)));
        secret = std::move(typed);
        opened = (host)->open_key(number, key.locator, secret);
    } else if (wants_secret) {
        opened.error().advice = instead_of_asking("--key-passphrase-file");
    }
    if (!opened) {
        return std::unexpected(std::move(opened.error()));
    }
    if (!opened->warning.empty()) {
        warn(opened->warning);
    }
    private_keys_.insert_or_assign(opened->signature, PrivateKey{host, number});
    given_keys_.push_back({display_name(key.locator), opened->signature});
    return opened->signature;
}

Result<void> FileOpener::add_passphrase(SecretBytes passphrase, const lower::Salt& salt,
                                        PassphraseOrigin origin) {
    auto contents = lower::derive_passphrase_key(passphrase.view(), salt);
    auto names = lower::derive_passphrase_key(passphrase.view(), lower::kNameSalt);
    if (!contents || !names) {
        return std::unexpected(contents ? std::move(names.error()) : std::move(contents.error()));
    }
    given_.push_back(
        {std::move(origin), std::move(passphrase), salt, contents->signature, names->signature});
    passphrase_keys_.insert_or_assign(contents->signature, std::move(contents->key));
    passphrase_keys_.insert_or_assign(names->signature, std::move(names->key));
    return {};
}

bool FileOpener::was_given(const KeySignature& signature) const {
    return std::ranges::any_of(given_, [&](const auto& each) {
        return each.signature == signature || each.name_signature == signature;
    });
}

bool FileOpener::has_key_for(const lower::KeyPacket& packet) {
    return packet.kind == lower::PacketKind::kPassphrase
               ? passphrase_key(packet.signature) != nullptr
               : private_keys_.contains(packet.signature);
}

bool FileOpener::has_key_for_name(const KeySignature& signature) {
    return passphrase_key(signature) != nullptr;
}

const SecretBytes* FileOpener::passphrase_key(const KeySignature& signature) {
    const auto known = passphrase_keys_.find(signature);
    const auto& key =
        known != passphrase_keys_.end()
            ? known->second
            : passphrase_keys_.emplace(signature, key_in_keyrings(signature)).first->second;
    if (key.empty()) {
        return nullptr;
    }
    used_.insert(signature);
    return &key;
}

// kUnknownKey if there is no key for it.
Result<lower::FileKey> FileOpener::open_packet(const lower::KeyPacket& packet) {
    const auto unknown =
        std::unexpected(Error{ErrorCode::kUnknownKey, std::string(packet.signature.text())});
    if (packet.kind == lower::PacketKind::kPassphrase) {
        const auto* fekek = passphrase_key(packet.signature);
        if (fekek == nullptr) {
            return unknown;
        }
        return lower::file_key_from_packet(packet, fekek->view());
    }
    const auto key = private_keys_.find(packet.signature);
    if (key == private_keys_.end()) {
        return unknown;
    }
    used_.insert(packet.signature);
    const auto decrypted = key->second.host->decrypt(key->second.number, packet.encrypted_fek);
    return decrypted ? lower::file_key_from_decrypted(decrypted->view())
                     : std::unexpected(decrypted.error());
}

Result<lower::FileKey> FileOpener::open(const lower::Header& header) {
    std::optional<Error> last;
    std::map<KeySignature, int> tries;  // of private keys
    int all_tries = 0;
    for (const auto& packet : header.packets) {
        if (packet.kind == lower::PacketKind::kPublicKey &&
            private_keys_.contains(packet.signature) &&
            (++tries[packet.signature] > kTriesOfAKey || ++all_tries > kTriesOfAFile)) {
            continue;
        }
        auto opened = open_packet(packet);
        if (opened) {
            return opened;
        }
        if (opened.error().code != ErrorCode::kUnknownKey) {
            last = std::move(opened.error());
        }
    }
    if (last) {
        return std::unexpected(std::move(*last));
    }
    return std::unexpected(
        header.packets.empty() && header.damage
            ? *header.damage
            : Error{ErrorCode::kUnknownKey,
                    fmt::format("no key for it; it is opened by {}", keys_in_words(header)), ""});
}

Result<std::string> FileOpener::plain_name(const std::string& name) {
    const auto readings = lower::read_lower_name(name);
    if (readings.empty() && !lower::is_encrypted_name(name)) {
        return name;
    }
    Result<std::string> plain = std::unexpected(Error{ErrorCode::kMalformed, ""});
    if (readings.empty()) {
        plain = std::unexpected(lower::parse_encrypted_name(name).error());
    }
    for (const auto& [encrypted, added] : readings) {
        plain = decrypt_name(encrypted);
        // Of two readings of a changed name the wrong one decrypts to noise.
        if (plain && (added.empty() || base::is_printable(*plain))) {
            return *plain + added;
        }
        if (plain) {
            plain = std::unexpected(
                Error{ErrorCode::kDecryptFailed,
                      "the encrypted name was changed, and what was added cannot be told from it"});
        }
    }
    return plain;
}

Result<std::string> FileOpener::decrypt_name(const lower::EncryptedName& name) {
    const auto* fnek = passphrase_key(name.signature);
    if (fnek == nullptr) {
        return std::unexpected(
            Error{ErrorCode::kUnknownKey,
                  fmt::format("no key for its name, which is encrypted by passphrase {}",
                              name.signature.text()),
                  ""});
    }
    return lower::decrypt_name(name, fnek->view());
}

std::optional<std::string> FileOpener::plain_path(const std::string& path) {
    std::string result;
    bool any = false;
    std::size_t at = 0;
    while (at <= path.size()) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto part = path.substr(at, end - at);
        const auto plain = plain_name(part);
        const bool known = plain && *plain != part && is_file_name(*plain);
        any = any || known;
        result += known ? *plain : part;
        result += end < path.size() ? "/" : "";
        at = end + 1;
    }
    return any ? std::optional(std::move(result)) : std::nullopt;
}

std::string FileOpener::shown_path(const std::string& whole_path) {
    const auto path = shortened_path(whole_path);
    const auto plain = plain_path(path);
    const auto last = path.substr(path.find_last_of('/') + 1);
    return !plain ? path : plain->ends_with(last) ? *plain : fmt::format("{} ({})", *plain, last);
}

}  // namespace ecryptfs::cli
