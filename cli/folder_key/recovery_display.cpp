// SPDX-License-Identifier: Apache-2.0

#include "cli/folder_key/recovery_display.h"

#include <qrencode.h>
#include <string.h>  // NOLINT(modernize-deprecated-headers): explicit_bzero()
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/ask/ask_secret.h"
#include "cli/folder_key/recovery_key.h"
#include "cli/output/output.h"
#include "lib/base/file_io.h"
#include "lib/base/handle.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;

// A frame of so many light modules belongs to the code (ISO/IEC 18004 section 6.3.8).
constexpr int kQuietZone = 4;

// Wipes its modules, which are the secret.
void free_code(QRcode* code) noexcept {
    const auto width = static_cast<std::size_t>(code->width);
    ::explicit_bzero(code->data, width * width);
    ::QRcode_free(code);
}
using QrCode = base::Handle<QRcode, free_code>;

// What programs write to a terminal is in the encoding of LC_ALL, LC_CTYPE or LANG.
bool takes_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(name);
        if (value != nullptr && *value != '\0') {
            const std::string_view locale(value);
            return locale.contains("UTF-8") || locale.contains("utf8");
        }
    }
    return false;
}

Result<void> write_terminal(base::ByteView bytes) {
    return base::write_all(STDERR_FILENO, bytes)
               ? Result<void>()
               : std::unexpected(base::system_error("writing to the terminal", errno));
}

bool is_dark(const QRcode& code, int row, int column) {
    const bool inside = row >= 0 && row < code.width && column >= 0 && column < code.width;
    return inside && (code.data[row * code.width + column] & 1U) != 0;
}

// Two rows of modules a line, by half blocks: white for light, on black, whatever the terminal's
// own colours are.
Result<void> print_code(const QRcode& code) {
    constexpr std::string_view kOn = "\x1b[40;37;1m";
    constexpr std::string_view kOff = "\x1b[0m\n";
    const int end = code.width + kQuietZone;
    auto line = TRY(SecretBytes::create(4096));
    for (int row = -kQuietZone; row < end; row += 2) {
        base::ByteWriter writer(line.span());
        writer.put(base::as_bytes(kOn));
        for (int column = -kQuietZone; column < end; ++column) {
            const bool upper = !is_dark(code, row, column);
            const bool lower = row + 1 < end && !is_dark(code, row + 1, column);
            writer.put(base::as_bytes(upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ")));
        }
        writer.put(base::as_bytes(kOff));
        TRY(write_terminal(writer.written()));
    }
    return {};
}

Result<void> print_key(const SecretBytes& key) {
    auto text = TRY(SecretBytes::create(key.size() + 8));
    base::ByteWriter writer(text.span());
    writer.put(base::as_bytes("\n    "));
    writer.put(key.view());
    writer.put(base::as_bytes("\n\n"));
    return write_terminal(writer.written());
}

// Of the text with a NUL, as the library wants it.
Result<void> print_as_code(const SecretBytes& key) {
    auto text = TRY(SecretBytes::create(key.size() + 1));
    base::ByteWriter writer(text.span());
    writer.put(key.view());
    const QrCode code(::QRcode_encodeString(reinterpret_cast<const char*>(text.view().data()), 0,
                                            QR_ECLEVEL_M, QR_MODE_8, 1));
    if (!code) {
        return std::unexpected(base::system_error("making the QR code", errno));
    }
    return print_code(*code);
}

}  // namespace

Result<void> present_recovery_key(const SecretBytes& key) {
    if (::isatty(STDERR_FILENO) == 0 || !can_ask()) {
        return std::unexpected(Error{ErrorCode::kSecretRequired,
                                     "there is no terminal to show the recovery key on",
                                     "have it written to a file: --recovery-file NEW-FILE"});
    }
    note("This is the recovery key. Write it down or photograph it, and keep it from others:");
    TRY(print_key(key));
    if (takes_utf8()) {
        TRY(print_as_code(key));
    }
    const auto typed = TRY(ask_secret("Type it, to see that it was written down: "));
    const auto canonical = TRY(canonical_recovery_key(typed.view()));
    if (!base::equal_in_constant_time(canonical.view(), key.view())) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "that is not the recovery key; nothing was changed",
                                     "try again; there will be another recovery key"});
    }
    warn("this key opens your files: clear the screen");
    return {};
}

}  // namespace ecryptfs::cli
