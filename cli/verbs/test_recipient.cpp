// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/test_recipient.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "cli/ask/secret_source.h"
#include "cli/folder_key/answers.h"
#include "cli/folder_key/file_store.h"
#include "cli/folder_key/opening.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "cli/verbs/library_consent.h"
#include "cli/verbs/recipient_options.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {

void add_options(CLI::App& parser, TestRecipientOptions& options) {
    add_json(parser, options.json);
    add_folder_key_file(parser, options.file);
    parser.add_option("KID", options.kid, "The recipient, as list-recipients names it; or any")
        ->type_name("");
    add_opening_passphrase(parser, options.passphrase_file);
    add_key_options(parser, options.key_secret_file, options.paths);
    add_allow_library(parser, options.allowed_libraries);
}

base::Result<void> run(const TestRecipientOptions& options) {
    TRY(allow_libraries(options.allowed_libraries));
    TRY(check_standard_input_once(std::array{options.passphrase_file, options.key_secret_file}));
    const auto file = TRY(read_folder_key_file(options.file));
    const auto answers =
        make_answers({options.passphrase_file, options.key_secret_file}, options.file);
    const auto opened = TRY(open_folder_key(file, {options.paths, options.kid, answers}));
    return print(options.json ? json_line({{"file", options.file}, {"kid", opened.kid}})
                              : fmt::format("{} opens it\n", printable(opened.kid)));
}

}  // namespace ecryptfs::cli
