// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/list_recipients.h"

#include "cli/folder_key/file_store.h"
#include "cli/folder_key/listing.h"
#include "cli/output/output.h"
#include "cli/verbs/recipient_options.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {

void add_options(CLI::App& parser, ListRecipientsOptions& options) {
    add_json(parser, options.json);
    add_folder_key_file(parser, options.file);
}

base::Result<void> run(const ListRecipientsOptions& options) {
    const auto file = TRY(read_folder_key_file(options.file));
    if (!options.json) {
        TRY(print(recipients_text(file)));
    }
    return report_folder_key(options.file, file, options.json);
}

}  // namespace ecryptfs::cli
