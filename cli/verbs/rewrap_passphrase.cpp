// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/rewrap_passphrase.h"

#include <array>

#include "cli/files/wrapped_file.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/lower/wrapping.h"

namespace ecryptfs::cli {

using base::Result;

void add_options(CLI::App& parser, RewrapPassphraseOptions& options) {
    add_json(parser, options.json);
    add_file(parser, options.file, "A wrapped-passphrase file; it is written as version 2");
    add_secret_file(parser, "--wrapping-passphrase-file", options.wrapping_file,
                    kWrappingPassphrase);
    auto* changed = add_secret_file(parser, "--new-wrapping-passphrase-file",
                                    options.new_wrapping_file, "the new one");
    parser
        .add_flag("--upgrade", options.upgrade,
                  "Keep the wrapping passphrase, and write version 2 with a fresh salt")
        ->excludes(changed);
}

Result<void> run(const RewrapPassphraseOptions& options) {
    TRY(check_standard_input_once(std::array{options.wrapping_file, options.new_wrapping_file}));
    const auto wrapped = TRY(read_wrapped_file(options.file));
    auto wrapping = TRY(
        read_passphrase({options.wrapping_file, kWrappingQuestion, "--wrapping-passphrase-file"}));
    const auto passphrase = TRY(lower::unwrap_passphrase(wrapped, wrapping.view()));
    if (!options.upgrade) {
        auto changed = TRY(
            read_new_passphrase({options.new_wrapping_file,
                                 "New wrapping passphrase: ", "--new-wrapping-passphrase-file"}));
        wrapping = std::move(changed);
    }
    const auto version =
        TRY(write_wrapped_file(options.file, passphrase, wrapping, base::IfThere::kReplace));
    return options.json ? print(wrapped_file_json(options.file, version)) : Result<void>();
}

}  // namespace ecryptfs::cli
