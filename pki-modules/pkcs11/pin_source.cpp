// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/pin_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/file_uri.h"
#include "lib/base/secret_slip.h"
#include "lib/base/try.h"
#include "pki-modules/common/key_file.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::pkcs11_module {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;

namespace {

constexpr char kAdvice[] =
    "let pin-source name a file whose first line is the PIN, or leave it out to be asked";

Result<std::string> pin_path(const std::string& pin_source) {
    if (pin_source.starts_with('/')) {
        return pin_source;
    }
    auto path = base::path_of_file_uri(pin_source);
    if (!path) {  // RFC 7512 also allows a program: we run none
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "pin-source is neither a path nor a file: URI", kAdvice});
    }
    return path;
}

struct PinInFile {
    SecretBytes pin;
    std::string exposure;
};

Result<PinInFile> read_pin(const std::string& pin_source) {
    const auto path = TRY(pin_path(pin_source));
    const auto file = module::read_key_file(path, "the file of the PIN");
    if (!file) {
        auto error = file.error();
        error.message = fmt::format("pin-source: {}", error.message);
        error.advice = kAdvice;
        return std::unexpected(std::move(error));
    }
    const auto contents = file->contents.view();
    const auto end =
        std::ranges::find_if(contents, [](std::uint8_t c) { return c == '\n' || c == '\r'; });
    const base::ByteView line{contents.begin(), end};
    if (line.empty()) {
        return std::unexpected(Error{ErrorCode::kSecretRequired,
                                     fmt::format("pin-source: no PIN in {}", module::shown(path)),
                                     kAdvice});
    }
    if (const auto slip = base::find_slip(line)) {  // a wrong PIN would cost an attempt
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("pin-source: the PIN in {} {}, so it was not tried",
                              module::shown(path), slip->what),
                  slip->filter.empty() ? "write the file anew"
                                       : base::mending_command(slip->filter, path)});
    }
    auto pin = TRY(SecretBytes::copy(line));
    return PinInFile{std::move(pin), file->exposure.value_or("")};
}

}  // namespace

Result<ChosenPin> ChosenPin::choose(const base::SecretEntry& given, const std::string& pin_source) {
    ChosenPin pin;
    pin.given_ = given;
    if (!std::holds_alternative<base::TypedSecret>(given) && !pin_source.empty()) {
        auto read = TRY(read_pin(pin_source));
        pin.from_file_ = std::move(read.pin);
        pin.exposure_ = std::move(read.exposure);
    }
    return pin;
}

}  // namespace ecryptfs::pkcs11_module
