// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/add_passphrase.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "cli/ask/ask_secret.h"
#include "cli/ask/secret_source.h"
#include "cli/files/whole_file.h"
#include "cli/files/wrapped_file.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/keyring/keyrings.h"
#include "lib/keyring/token_writer.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

using base::Result;
using base::SecretBytes;
using lower::PassphraseKey;
using Json = nlohmann::ordered_json;

struct AddedKey {
    std::string signature;
    keyring::KeySerial serial;
};

struct AddedPassphrase {
    AddedKey contents;
    std::optional<AddedKey> names;
    std::vector<std::string> warnings;
};

// Whether the key was used here before: it is in a keyring, or ecryptfs-utils remembers it.
bool is_known(const wire::KeySignature& signature) {
    if (!keyring::keyrings_with_token(signature).empty()) {
        return true;
    }
    const char* home = std::getenv("HOME");
    for (const char* name : {"sig-cache.txt", "Private.sig"}) {
        const auto text =
            read_user_file(fmt::format("{}/.ecryptfs/{}", home == nullptr ? "" : home, name));
        std::istringstream words(text ? text->value_or("") : "");
        if (std::find(std::istream_iterator<std::string>(words), {}, signature.text()) !=
            std::istream_iterator<std::string>()) {
            return true;
        }
    }
    return false;
}

// A typing error in a new passphrase would go unseen until files are lost to it.
Result<void> confirm(const SecretBytes& typed, const wire::KeySignature& signature) {
    if (is_known(signature)) {
        return {};
    }
    return confirm_secret(typed, "This passphrase was not used here before. Once more: ");
}

Result<SecretBytes> mount_passphrase(const AddPassphraseOptions& options) {
    return options.wrapped
               ? read_and_unwrap(*options.wrapped, {options.wrapping_file, kWrappingQuestion,
                                                    "--wrapping-passphrase-file"})
               : read_passphrase({options.passphrase_file, kMountQuestion, "--passphrase-file"});
}

Result<keyring::WrittenToken> write_passphrase_token(const PassphraseKey& key,
                                                     const keyring::TokenPlace& place) {
    auto payload = TRY(SecretBytes::create(wire::kAuthTokenSize));
    const auto encoded =
        wire::encode_passphrase_token({key.signature, key.key.view(), key.salt}, payload.span());
    return encoded ? keyring::write_token(place, key.signature, *encoded)
                   : std::unexpected(encoded.error());
}

// Writes both or none; `fnek` is none if it is not wanted.
Result<AddedPassphrase> write_tokens(const PassphraseKey& fekek,
                                     const std::optional<PassphraseKey>& fnek,
                                     const keyring::TokenPlace& place) {
    const auto first = TRY(write_passphrase_token(fekek, place));
    AddedPassphrase added{{std::string(fekek.signature.text()), first.serial}, {}, first.warnings};
    if (!fnek) {
        return added;
    }
    const auto second = write_passphrase_token(*fnek, place);
    if (!second) {
        if (!first.replaced_old) {
            static_cast<void>(keyring::unlink_token(place, first));
        }
        return std::unexpected(second.error());
    }
    added.names = AddedKey{std::string(fnek->signature.text()), second->serial};
    return added;
}

std::string added_json(const AddedPassphrase& added, const keyring::TokenPlace& place) {
    const auto& names = added.names;
    return json_line(
        {{"signature", added.contents.signature},
         {"serial", added.contents.serial.value},
         {"fnek_signature", names ? Json(names->signature) : Json(nullptr)},
         {"fnek_serial", names ? Json(names->serial.value) : Json(nullptr)},
         {"keyring", keyring::keyring_name(place.keyring)},
         {"timeout_seconds", place.timeout ? Json(place.timeout->count()) : Json(nullptr)},
         {"warnings", added.warnings}});
}

// From the terminal, and not from a file.
bool is_typed(const AddPassphraseOptions& options) {
    const bool is_asked =
        !options.passphrase_file || (options.passphrase_file == "-" && ::isatty(STDIN_FILENO) != 0);
    return !options.wrapped && is_asked;
}

}  // namespace

void add_options(CLI::App& parser, AddPassphraseOptions& options) {
    add_json(parser, options.json);
    parser.add_flag("--fnek", options.fnek,
                    "Add its key for file names too; its signature is printed second");
    add_salt(parser, options.salt);
    auto* wrapped = parser
                        .add_option("--wrapped", options.wrapped,
                                    "Take the mount passphrase from FILE, such as "
                                    "~/.ecryptfs/wrapped-passphrase")
                        ->type_name("FILE");
    add_secret_file(parser, "--wrapping-passphrase-file", options.wrapping_file,
                    kWrappingPassphrase)
        ->needs(wrapped);
    add_secret_file(parser, "--passphrase-file", options.passphrase_file, kMountPassphrase)
        ->excludes(wrapped);
    add_place(parser, options.place);
}

Result<void> run(const AddPassphraseOptions& options) {
    const auto salt = TRY(parse_salt(options.salt));
    const auto passphrase = TRY(mount_passphrase(options));
    const auto fekek = TRY(lower::derive_passphrase_key(passphrase.view(), salt));
    if (is_typed(options)) {
        TRY(confirm(passphrase, fekek.signature));
    }
    std::optional<PassphraseKey> fnek;
    if (options.fnek) {
        auto derived = TRY(lower::derive_passphrase_key(passphrase.view(), lower::kNameSalt));
        fnek = std::move(derived);
    }
    const auto place = options.place.place();
    const auto added = TRY(write_tokens(fekek, fnek, place));
    std::ranges::for_each(added.warnings, warn);
    const auto lines = added.contents.signature + "\n" +
                       (added.names ? added.names->signature + "\n" : std::string());
    return print(options.json ? added_json(added, place) : lines);
}

}  // namespace ecryptfs::cli
