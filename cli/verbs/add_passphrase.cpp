// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/add_passphrase.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/ask/secret_source.h"
#include "cli/files/passphrase_tokens.h"
#include "cli/files/wrapped_file.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/keyring/keyrings.h"

namespace ecryptfs::cli {
namespace {

using base::Result;
using base::SecretBytes;
using lower::PassphraseKey;
using Json = nlohmann::ordered_json;

Result<SecretBytes> mount_passphrase(const AddPassphraseOptions& options) {
    return options.wrapped
               ? read_and_unwrap(*options.wrapped, {options.wrapping_file, kWrappingQuestion,
                                                    "--wrapping-passphrase-file"})
               : read_passphrase({options.passphrase_file, kMountQuestion, "--passphrase-file"});
}

std::string added_json(const AddedPassphrase& added, const keyring::TokenPlace& place) {
    const auto& names = added.names;
    return json_line(
        {{"signature", added.contents.signature},
         {"serial", added.contents.token.serial.value},
         {"fnek_signature", names ? Json(names->signature) : Json(nullptr)},
         {"fnek_serial", names ? Json(names->token.serial.value) : Json(nullptr)},
         {"keyring", keyring::keyring_name(place.keyring)},
         {"timeout_seconds", place.timeout ? Json(place.timeout->count()) : Json(nullptr)},
         {"warnings", added.contents.token.warnings}});
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
        TRY(confirm_passphrase(passphrase, fekek.signature));
    }
    std::optional<PassphraseKey> fnek;
    if (options.fnek) {
        auto derived = TRY(lower::derive_passphrase_key(passphrase.view(), lower::kNameSalt));
        fnek = std::move(derived);
    }
    const auto place = options.place.place();
    const auto added = TRY(write_passphrase_tokens(fekek, fnek ? &*fnek : nullptr, place));
    std::ranges::for_each(added.contents.token.warnings, warn);
    const auto lines = added.contents.signature + "\n" +
                       (added.names ? added.names->signature + "\n" : std::string());
    return print(options.json ? added_json(added, place) : lines);
}

}  // namespace ecryptfs::cli
