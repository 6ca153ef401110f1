// SPDX-License-Identifier: Apache-2.0
//
// wrap-passphrase, unwrap-passphrase, rewrap-passphrase.

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "cli/ask/passphrase_input.h"
#include "cli/files/whole_file.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/verbs/verbs.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"
#include "lib/lower/wrapping.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;
using base::SecretBytes;

constexpr char kWrappingOption[] = "--wrapping-passphrase-file";
constexpr char kNewWrappingOption[] = "--new-wrapping-passphrase-file";

Result<void> write_wrapped(const std::string& file, const SecretBytes& passphrase,
                           const SecretBytes& wrapping, base::IfThere if_there, bool json) {
    const auto wrapped = TRY(lower::wrap_passphrase(passphrase.view(), wrapping.view()));
    if (auto written = write_whole_file(file, lower::encode_wrapped_passphrase(wrapped), if_there);
        !written) {
        return written;
    }
    return json ? print(wrapped_file_json(file, wrapped.version)) : Result<void>();
}

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

Result<void> run(const WrapPassphrase& command) {
    if (auto once =
            standard_input_at_most_once(std::array{command.passphrase_file, command.wrapping_file});
        !once) {
        return once;
    }
    const auto passphrase =
        TRY(new_passphrase_from(command.passphrase_file, kMountQuestion, "--passphrase-file"));
    const auto wrapping =
        TRY(new_passphrase_from(command.wrapping_file, kWrappingQuestion, kWrappingOption));
    return write_wrapped(command.file, passphrase, wrapping, base::IfThere::kRefuse, command.json);
}

Result<void> run(const UnwrapPassphrase& command) {
    const auto wrapped = TRY(read_wrapped_file(command.file));
    const auto passphrase = TRY(unwrapped_passphrase(wrapped, command.wrapping_file));
    if (wrapped.version == 1) {
        warn(fmt::format(
            "{} is of version 1, the same salt in every such file; to make it stronger: "
            "ecryptfsctl rewrap-passphrase --upgrade {}",
            command.file, base::shell_word(command.file)));
    }
    if (::isatty(STDOUT_FILENO) != 0) {
        warn(
            "this is the passphrase that opens your files; keep it from others, and clear the "
            "screen");
    }
    return print_secret(passphrase);
}

Result<void> run(const RewrapPassphrase& command) {
    if (auto once = standard_input_at_most_once(
            std::array{command.wrapping_file, command.new_wrapping_file});
        !once) {
        return once;
    }
    const auto wrapped = TRY(read_wrapped_file(command.file));
    auto wrapping = passphrase_from(command.wrapping_file, kWrappingQuestion, kWrappingOption);
    if (!wrapping) {
        return std::unexpected(wrapping.error());
    }
    const auto passphrase = TRY(lower::unwrap_passphrase(wrapped, wrapping->view()));
    if (!command.upgrade) {
        wrapping = new_passphrase_from(command.new_wrapping_file,
                                       "New wrapping passphrase: ", kNewWrappingOption);
        if (!wrapping) {
            return std::unexpected(wrapping.error());
        }
    }
    return write_wrapped(command.file, passphrase, *wrapping, base::IfThere::kReplace,
                         command.json);
}

}  // namespace ecryptfs::cli
