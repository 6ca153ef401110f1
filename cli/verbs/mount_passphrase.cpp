// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/mount_passphrase.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/ask/secret_source.h"
#include "cli/files/wrapped_file.h"
#include "cli/output/output.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

constexpr char kPassphraseFile[] = "--passphrase-file";
constexpr char kWrappingFile[] = "--wrapping-passphrase-file";

bool contains(const std::vector<KeySignature>& signatures, const KeySignature& signature) {
    return std::ranges::find(signatures, signature) != signatures.end();
}

Error not_wanted(const MountPassphrase& given, const MountPlan& plan) {
    const auto signature = given.contents.signature.text();
    return {ErrorCode::kWrongSecret,
            fmt::format("this passphrase makes the key {}, and {} is mounted with {}", signature,
                        plan.folder.lower, plan.folder.options.keys.front().text()),
            fmt::format("type it again; or to mount with this one: --key {}", signature)};
}

}  // namespace

void add_mount_passphrase(CLI::App& parser, MountPassphraseOptions& options) {
    auto* passphrase =
        parser.add_flag("--passphrase", options.asks, "Ask for the mount passphrase, and add it");
    auto* file = add_secret_file(parser, kPassphraseFile, options.file, kMountPassphrase)
                     ->excludes(passphrase);
    auto* wrapped = parser
                        .add_option("--wrapped", options.wrapped,
                                    "Take it from FILE, such as ~/.ecryptfs/wrapped-passphrase")
                        ->type_name("FILE")
                        ->excludes(passphrase)
                        ->excludes(file);
    add_secret_file(parser, kWrappingFile, options.wrapping_file, kWrappingPassphrase)
        ->needs(wrapped);
    add_salt(parser, options.salt);
    parser
        .add_flag("--encrypt-names", options.encrypts_names,
                  "Encrypt names by the passphrase that is given here")
        ->excludes("--fnek");
}

Result<std::optional<MountPassphrase>> read_mount_passphrase(
    const MountPassphraseOptions& options) {
    if (!options.is_given()) {
        if (options.salt || options.encrypts_names) {
            return std::unexpected(
                Error{ErrorCode::kInvalidArgument,
                      fmt::format("{} belongs to a mount passphrase, and none is given",
                                  options.salt ? "--salt" : "--encrypt-names"),
                      "give it with --passphrase, --passphrase-file or --wrapped"});
        }
        return std::nullopt;
    }
    const auto salt = TRY(parse_salt(options.salt));
    auto read = TRY(options.wrapped
                        ? read_and_unwrap(*options.wrapped,
                                          {options.wrapping_file, kWrappingQuestion, kWrappingFile})
                        : read_passphrase({options.file, kMountQuestion, kPassphraseFile}));
    auto contents = TRY(lower::derive_passphrase_key(read.view(), salt));
    auto names = TRY(lower::derive_passphrase_key(read.view(), lower::kNameSalt));
    const bool is_typed = options.asks || (options.file == "-" && ::isatty(STDIN_FILENO) != 0);
    return MountPassphrase{std::move(read), is_typed, std::move(contents), std::move(names)};
}

Result<KeysForMount> KeysForMount::add(const MountPassphrase& given, const MountPlan& plan) {
    const auto& wanted = plan.folder.options;
    const bool for_contents = contains(wanted.keys, given.contents.signature);
    const bool for_names = contains(wanted.name_keys, given.names.signature);
    if (!for_contents && !for_names) {
        return std::unexpected(not_wanted(given, plan));
    }
    if (given.is_typed && plan.keys_source == kPassphraseSource) {
        TRY(confirm_passphrase(given.passphrase, given.contents.signature));
    }
    const auto& first = for_contents ? given.contents : given.names;
    auto added = TRY(write_passphrase_tokens(
        first, for_contents && for_names ? &given.names : nullptr, keyring::TokenPlace{}));
    std::ranges::for_each(added.contents.token.warnings, warn);
    return KeysForMount(std::move(added));
}

KeysForMount::~KeysForMount() {
    if (!added_) {
        return;
    }
    for (const auto* key : {&added_->contents, added_->names ? &*added_->names : nullptr}) {
        if (key != nullptr && !key->token.replaced_old) {
            static_cast<void>(keyring::unlink_token(keyring::TokenPlace{}, key->token));
        }
    }
}

}  // namespace ecryptfs::cli
