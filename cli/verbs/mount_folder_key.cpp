// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/mount_folder_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "cli/folder_key/file_store.h"
#include "cli/folder_key/kernel_keys.h"
#include "cli/folder_key/opening.h"
#include "lib/base/bytes.h"
#include "lib/base/try.h"
#include "lib/keyring/hidden_token.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

// As fuse/given_keys.h has them.
Result<std::shared_ptr<const base::SealedMemfd>> keys_in_memfd(const folderkey::FolderKey& key) {
    auto list = TRY(base::SecretBytes::create(2 * (KeySignature::kTextSize + kHandedKeySize)));
    base::ByteWriter writer(list.span());
    for (const auto* each : {&key.contents, &key.names}) {
        writer.put(base::as_bytes(each->signature.text()));
        writer.put(each->salt);
        writer.put(each->key.view());
    }
    auto memfd = TRY(base::SealedMemfd::create(writer.written()));
    return std::make_shared<const base::SealedMemfd>(std::move(memfd));
}

// What the plan wants of the file's keys.
std::vector<KeySignature> wanted_keys(const folderkey::FolderKeyFile& file, const MountPlan& plan) {
    std::vector<KeySignature> wanted;
    const auto& options = plan.folder.options;
    for (const auto& signature : {*file.contents_signature, *file.names_signature}) {
        if (std::ranges::find(options.keys, signature) != options.keys.end() ||
            std::ranges::find(options.name_keys, signature) != options.name_keys.end()) {
            wanted.push_back(signature);
        }
    }
    return wanted;
}

bool kernel_has(const std::vector<KeySignature>& signatures) {
    const auto tokens = keyring::hidden_tokens();
    return std::ranges::all_of(signatures, [&](const auto& signature) {
        return std::ranges::find(tokens, signature, &keyring::NamedToken::signature) !=
               tokens.end();
    });
}

Error other_keys(const MountPlan& plan) {
    return {ErrorCode::kUnknownKey,
            fmt::format("{} does not have the key that {} is mounted with", plan.folder.folder_key,
                        plan.folder.lower),
            "name the folder key again: --folder-key FILE, with --fresh"};
}

}  // namespace

void add_folder_key(CLI::App& parser, FolderKeyOptions& options, bool& plain_names) {
    auto* file = parser
                     .add_option("--folder-key", options.file,
                                 "Take the keys for contents and names from FILE, a folder key")
                     ->type_name("FILE");
    add_secret_file(parser, "--folder-passphrase-file", options.answers.passphrase,
                    "the folder key's passphrase");
    add_secret_file(parser, "--key-passphrase-file", options.answers.key_secret,
                    "the passphrase or PIN of a private key that opens it");
    parser.add_flag("--plain-names", plain_names, "Leave names as they are")->needs(file);
    add_paths(parser, options.paths);
}

Result<std::optional<FolderKeyChoice>> read_folder_key_choice(const FolderKeyOptions& options) {
    if (!options.file) {
        return std::nullopt;
    }
    const auto file = TRY(read_folder_key_file(*options.file));
    return FolderKeyChoice{std::filesystem::absolute(*options.file).lexically_normal(),
                           *file.contents_signature, *file.names_signature};
}

Result<OpenFolderKeyForMount> OpenFolderKeyForMount::open(const FolderKeyOptions& options,
                                                          MountPlan& plan) {
    OpenFolderKeyForMount opened;
    const auto& path = plan.folder.folder_key;
    if (path.empty()) {
        return opened;
    }
    const auto file = TRY(read_folder_key_file(path));
    const auto wanted = wanted_keys(file, plan);
    const bool by_kernel = plan.folder.way == MountWay::kKernel;
    if (wanted.empty()) {
        return std::unexpected(other_keys(plan));
    }
    if (by_kernel && kernel_has(wanted)) {
        return opened;
    }
    const auto folder =
        TRY(open_folder_key(file, {options.paths, {}, make_answers(options.answers, path)}));
    if (!by_kernel) {
        opened.keys_ = TRY(keys_in_memfd(folder.key));
        plan.given_keys = wanted;
        return opened;
    }
    for (const auto* key : {&folder.key.contents, &folder.key.names}) {
        TRY(load_into_kernel(*key, {}));
        opened.loaded_.push_back(key->signature);
    }
    return opened;
}

OpenFolderKeyForMount::~OpenFolderKeyForMount() {
    std::ranges::for_each(loaded_, keyring::drop_hidden_token);
}

}  // namespace ecryptfs::cli
