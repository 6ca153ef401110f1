// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/unwrap_passphrase.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "cli/files/wrapped_file.h"
#include "cli/output/output.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"
#include "lib/lower/wrapping.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;
using base::SecretBytes;

// Not through a buffer that nobody wipes.
Result<void> print_secret(const SecretBytes& secret) {
    auto line = TRY(SecretBytes::create(secret.size() + 1));
    base::ByteWriter writer(line.span());
    writer.put(secret.view());
    writer.put_byte('\n');
    const auto size = ::write(STDOUT_FILENO, line.view().data(), line.size());
    if (size != static_cast<ssize_t>(line.size())) {
        return std::unexpected(
            base::system_error(ErrorCode::kInternal, "writing to standard output", errno));
    }
    return {};
}

}  // namespace

void add_options(CLI::App& parser, UnwrapPassphraseOptions& options) {
    add_file(parser, options.file, "A wrapped-passphrase file of version 1 or 2");
    add_secret_file(parser, "--wrapping-passphrase-file", options.wrapping_file,
                    kWrappingPassphrase);
}

Result<void> run(const UnwrapPassphraseOptions& options) {
    const auto wrapped = TRY(read_wrapped_file(options.file));
    const auto wrapping = TRY(
        read_passphrase({options.wrapping_file, kWrappingQuestion, "--wrapping-passphrase-file"}));
    const auto passphrase = TRY(lower::unwrap_passphrase(wrapped, wrapping.view()));
    if (wrapped.version == 1) {
        warn(fmt::format(
            "{} is of version 1, which has the same salt in every file; to make it stronger: "
            "ecryptfsctl rewrap-passphrase --upgrade {}",
            options.file, base::shell_word(options.file)));
    }
    if (::isatty(STDOUT_FILENO) != 0) {
        warn(
            "this passphrase opens your files; keep it from others, and clear the "
            "screen");
    }
    return print_secret(passphrase);
}

}  // namespace ecryptfs::cli
