// SPDX-License-Identifier: Apache-2.0

#include "cli/folder_key/new_recipients.h"

#include <fmt/format.h>

#include <chrono>

#include "cli/ask/secret_source.h"
#include "cli/files/whole_file.h"
#include "cli/folder_key/answers.h"
#include "cli/folder_key/hosted_key.h"
#include "cli/folder_key/recovery_display.h"
#include "cli/folder_key/recovery_key.h"
#include "cli/input/key_location.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/folderkey/key_wrapping.h"
#include "lib/folderkey/passphrase_wrapping.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using folderkey::FolderKeyFile;
using folderkey::Recipient;
using namespace std::chrono_literals;

// How long a passphrase takes to try: long for who guesses, short enough for who knows it.
constexpr auto kTimeToTry = 1s;

// A kid for a recipient that has none of its own: `word`, or "WORD-2" and so on.
std::string free_kid(const FolderKeyFile& file, const std::string& word) {
    std::string kid = word;
    for (int number = 2; folderkey::find_recipient(file, kid) != nullptr; ++number) {
        kid = fmt::format("{}-{}", word, number);
    }
    return kid;
}

Result<void> check_same(base::ByteView content_key, const SecretBytes& unwrapped) {
    return base::equal_in_constant_time(content_key, unwrapped.view())
               ? Result<void>()
               : std::unexpected(
                     Error{ErrorCode::kInternal, "a new recipient does not open the folder key"});
}

Result<Recipient> make_recipient(base::ByteView content_key, base::ByteView passphrase,
                                 std::uint32_t iterations) {
    auto recipient = TRY(folderkey::wrap_with_passphrase(content_key, passphrase, iterations));
    const auto unwrapped = TRY(folderkey::unwrap_with_passphrase(recipient, passphrase));
    TRY(check_same(content_key, unwrapped));
    return recipient;
}

Result<Recipient> make_key_recipient(base::ByteView content_key, HostedKey& key,
                                     pki::OaepDigest digest) {
    auto recipient = TRY(folderkey::wrap_for_key(content_key, key.public_key(), digest));
    const auto unwrapped = TRY(folderkey::unwrap_with_key(recipient, key));
    TRY(check_same(content_key, unwrapped));
    return recipient;
}

// With SHA-1 only where the token has no other (RFC 7518 section 4.3: both are sound).
Result<Recipient> make_key_recipient(base::ByteView content_key, HostedKey& key) {
    auto recipient = make_key_recipient(content_key, key, pki::OaepDigest::kSha256);
    return !recipient && recipient.error().code == ErrorCode::kNotSupported &&
                   key.public_key().kind == pki::PublicKeyKind::kRsa
               ? make_key_recipient(content_key, key, pki::OaepDigest::kSha1)
               : std::move(recipient);
}

Result<void> append_key(FolderKeyFile& file, base::ByteView content_key,
                        const RecipientRequest& request, const std::string& typed) {
    const auto location = TRY(locate_key(typed));
    auto key =
        TRY(HostedKey::open(request.paths, location, ask_key_secret(request.key_secret_file)));
    if (!key.warning().empty()) {
        warn(key.warning());
    }
    auto recipient = TRY(make_key_recipient(content_key, key));
    recipient.kid = key.signature().text();
    recipient.module = location.module;
    recipient.locator = location.locator;
    return append_recipient(file, std::move(recipient));
}

Result<void> append_passphrase(FolderKeyFile& file, base::ByteView content_key,
                               const RecipientRequest& request) {
    const auto passphrase = TRY(read_new_passphrase(
        {request.passphrase_file, kNewFolderPassphrase, request.passphrase_option}));
    auto recipient = TRY(make_passphrase_recipient(content_key, passphrase.view()));
    return append_recipient(file, std::move(recipient));
}

Result<void> write_recovery_key(const std::string& path, const SecretBytes& key) {
    auto line = TRY(SecretBytes::create(key.size() + 1));
    base::ByteWriter writer(line.span());
    writer.put(key.view());
    writer.put_byte('\n');
    return write_whole_file(path, line.view(), base::IfThere::kRefuse);
}

// Nobody can guess 128 bits: the fewest iterations do.
Result<void> append_recovery(FolderKeyFile& file, base::ByteView content_key,
                             const RecipientRequest& request) {
    const auto key = TRY(generate_recovery_key());
    auto recipient = TRY(make_recipient(content_key, key.view(), folderkey::kFewestIterations));
    recipient.is_recovery = true;
    TRY(request.recovery_file ? write_recovery_key(*request.recovery_file, key)
                              : present_recovery_key(key));
    return append_recipient(file, std::move(recipient));
}

}  // namespace

Result<void> append_recipient(FolderKeyFile& file, Recipient recipient) {
    if (recipient.wrapping == folderkey::KeyWrapping::kPbes2) {
        recipient.kid = free_kid(file, recipient.is_recovery ? "recovery" : "passphrase");
    } else if (folderkey::find_recipient(file, recipient.kid) != nullptr) {
        return std::unexpected(
            Error{ErrorCode::kAlreadyExists,
                  fmt::format("{} already opens this folder key", printable(recipient.kid)),
                  "choose another key"});
    }
    file.recipients.push_back(std::move(recipient));
    return {};
}

Result<Recipient> make_passphrase_recipient(base::ByteView content_key, base::ByteView passphrase) {
    const auto iterations = TRY(folderkey::measure_iterations(kTimeToTry));
    return make_recipient(content_key, passphrase, iterations);
}

Result<void> append_recipients(FolderKeyFile& file, base::ByteView content_key,
                               const RecipientRequest& request) {
    for (const auto& each : request.keys) {
        TRY(append_key(file, content_key, request, each));
    }
    if (request.wants_passphrase()) {
        TRY(append_passphrase(file, content_key, request));
    }
    if (request.wants_recovery()) {
        TRY(append_recovery(file, content_key, request));
    }
    return {};
}

}  // namespace ecryptfs::cli
