// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/remove_recipient.h"

#include <fmt/format.h>

#include "cli/folder_key/file_store.h"
#include "cli/folder_key/listing.h"
#include "cli/output/output.h"
#include "cli/verbs/recipient_options.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using folderkey::FolderKeyFile;

Result<void> remove(FolderKeyFile& file, const std::string& kid) {
    if (folderkey::find_recipient(file, kid) == nullptr) {
        return std::unexpected(unknown_recipient_error(kid));
    }
    if (file.recipients.size() == 1) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("{} is the last recipient: without it nothing opens the folder",
                              printable(kid)),
                  "add another one first, with add-recipient"});
    }
    std::erase_if(file.recipients, [&](const auto& each) { return each.kid == kid; });
    return {};
}

}  // namespace

void add_options(CLI::App& parser, RemoveRecipientOptions& options) {
    add_json(parser, options.json);
    add_folder_key_file(parser, options.file);
    parser.add_option("KID", options.kid, "The recipient, as list-recipients names it")
        ->type_name("")
        ->required();
}

Result<void> run(const RemoveRecipientOptions& options) {
    const auto changed = TRY(change_folder_key_file(
        options.file, [&](FolderKeyFile& file) { return remove(file, options.kid); }));
    note(fmt::format("{} is not revoked: with an older copy of this file it still opens the folder",
                     printable(options.kid)));
    return report_folder_key(options.file, changed, options.json);
}

}  // namespace ecryptfs::cli
