// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/wrap_passphrase.h"

#include <array>

#include "cli/files/wrapped_file.h"
#include "cli/output/output.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {

using base::Result;

void add_options(CLI::App& parser, WrapPassphraseOptions& options) {
    add_json(parser, options.json);
    add_file(parser, options.file, "The file to make");
    add_secret_file(parser, "--passphrase-file", options.passphrase_file, kMountPassphrase);
    add_secret_file(parser, "--wrapping-passphrase-file", options.wrapping_file,
                    kWrappingPassphrase);
}

Result<void> run(const WrapPassphraseOptions& options) {
    TRY(check_standard_input_once(std::array{options.passphrase_file, options.wrapping_file}));
    const auto passphrase =
        TRY(read_new_passphrase({options.passphrase_file, kMountQuestion, "--passphrase-file"}));
    const auto wrapping = TRY(read_new_passphrase(
        {options.wrapping_file, kWrappingQuestion, "--wrapping-passphrase-file"}));
    const auto version =
        TRY(write_wrapped_file(options.file, passphrase, wrapping, base::IfThere::kRefuse));
    return options.json ? print(wrapped_file_json(options.file, version)) : Result<void>();
}

}  // namespace ecryptfs::cli
