// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/create_folder_key.h"

#include <fmt/format.h>

#include <array>

#include "cli/ask/secret_source.h"
#include "cli/files/wrapped_file.h"
#include "cli/folder_key/file_store.h"
#include "cli/folder_key/listing.h"
#include "cli/folder_key/new_recipients.h"
#include "cli/output/output.h"
#include "cli/verbs/library_consent.h"
#include "lib/base/try.h"
#include "lib/folderkey/folder_key.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using folderkey::FolderKey;

bool imports(const CreateFolderKeyOptions& options) {
    return options.import_passphrase || options.import_file || options.import_wrapped;
}

Result<void> check_options(const CreateFolderKeyOptions& options) {
    TRY(check_request(options.request));
    if (!imports(options) && (options.salt || options.one_key)) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "--salt and --one-key belong to a passphrase that is imported",
                                     "leave them out, or give --import-passphrase"});
    }
    return check_standard_input_once(std::array{options.request.passphrase_file,
                                                options.request.key_secret_file,
                                                options.import_file, options.wrapping_file});
}

Result<FolderKey> make_key(const CreateFolderKeyOptions& options) {
    if (!imports(options)) {
        return folderkey::create_folder_key();
    }
    const auto salt = TRY(parse_salt(options.salt));
    const auto passphrase =
        TRY(options.import_wrapped ? read_and_unwrap(*options.import_wrapped,
                                                     {options.wrapping_file, kWrappingQuestion,
                                                      "--wrapping-passphrase-file"})
                                   : read_new_passphrase({options.import_file, kMountQuestion,
                                                          "--import-passphrase-file"}));
    return folderkey::import_passphrase(
        passphrase.view(), salt,
        options.one_key ? folderkey::NamesFrom::kContentsKey : folderkey::NamesFrom::kNameSalt);
}

}  // namespace

void add_options(CLI::App& parser, CreateFolderKeyOptions& options) {
    add_json(parser, options.json);
    add_file(parser, options.file, "The file to make");
    add_recipient_request(parser, options.request, "--passphrase", "--passphrase-file");
    add_allow_library(parser, options.allowed_libraries);
    auto* typed = parser.add_flag("--import-passphrase", options.import_passphrase,
                                  "Take the keys of a mount passphrase, and ask for it");
    auto* file = add_secret_file(parser, "--import-passphrase-file", options.import_file,
                                 "the mount passphrase to import")
                     ->excludes(typed);
    auto* wrapped = parser
                        .add_option("--import-wrapped", options.import_wrapped,
                                    "Take the mount passphrase from FILE, such as "
                                    "~/.ecryptfs/wrapped-passphrase")
                        ->type_name("FILE")
                        ->excludes(typed)
                        ->excludes(file);
    add_secret_file(parser, "--wrapping-passphrase-file", options.wrapping_file,
                    kWrappingPassphrase)
        ->needs(wrapped);
    add_salt(parser, options.salt);
    parser.add_flag("--one-key", options.one_key,
                    "Import one key for contents and names, as mount.ecryptfs and NAS have it");
}

Result<void> run(const CreateFolderKeyOptions& options) {
    TRY(allow_libraries(options.allowed_libraries));
    TRY(check_options(options));
    TRY(check_free_path(options.file));
    const auto key = TRY(make_key(options));
    auto sealed = TRY(folderkey::seal_folder_key(key));
    TRY(append_recipients(sealed.file, sealed.content_key.view(), options.request));
    TRY(create_folder_key_file(options.file, sealed.file));
    if (imports(options)) {
        note(fmt::format(
            "imported the key {} for contents and {} for names: those of your files and "
            "mount options, if the passphrase is the right one",
            key.contents.signature.text(), key.names.signature.text()));
    }
    return report_folder_key(options.file, sealed.file, options.json);
}

}  // namespace ecryptfs::cli
