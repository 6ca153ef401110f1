// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/add_recipient.h"

#include <array>

#include "cli/ask/secret_source.h"
#include "cli/folder_key/answers.h"
#include "cli/folder_key/file_store.h"
#include "cli/folder_key/listing.h"
#include "cli/folder_key/opening.h"
#include "cli/verbs/library_consent.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {

using base::Result;
using folderkey::FolderKeyFile;

void add_options(CLI::App& parser, AddRecipientOptions& options) {
    add_json(parser, options.json);
    add_folder_key_file(parser, options.file);
    add_recipient_request(parser, options.request, "--new-passphrase", "--new-passphrase-file");
    add_opening_passphrase(parser, options.passphrase_file);
    add_allow_library(parser, options.allowed_libraries);
}

Result<void> run(const AddRecipientOptions& options) {
    const auto& request = options.request;
    TRY(allow_libraries(options.allowed_libraries));
    TRY(check_request(request));
    TRY(check_standard_input_once(
        std::array{options.passphrase_file, request.passphrase_file, request.key_secret_file}));
    auto read = TRY(read_folder_key_file(options.file));
    const auto answers =
        make_answers({options.passphrase_file, request.key_secret_file}, options.file);
    const auto opened = TRY(open_folder_key(read, {request.paths, {}, answers}));
    const auto known = read.recipients.size();
    TRY(append_recipients(read, opened.content_key.view(), request));
    const auto append = [&](FolderKeyFile& file) -> Result<void> {
        TRY(check_same_content(file, read));
        for (auto i = known; i < read.recipients.size(); ++i) {
            TRY(append_recipient(file, read.recipients[i]));
        }
        return {};
    };
    const auto changed = TRY(change_folder_key_file(options.file, append));
    return report_folder_key(options.file, changed, options.json);
}

}  // namespace ecryptfs::cli
