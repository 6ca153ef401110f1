// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/change_passphrase.h"

#include <algorithm>
#include <array>

#include "cli/ask/secret_source.h"
#include "cli/folder_key/answers.h"
#include "cli/folder_key/file_store.h"
#include "cli/folder_key/listing.h"
#include "cli/folder_key/new_recipients.h"
#include "cli/folder_key/opening.h"
#include "cli/verbs/recipient_options.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using folderkey::FolderKeyFile;
using folderkey::KeyWrapping;
using folderkey::Recipient;

constexpr char kOldPassphrase[] = "Old passphrase: ";
constexpr char kNewPassphrase[] = "New passphrase: ";

// The same file with its passphrases alone: what is typed says which of them is meant.
Result<FolderKeyFile> with_passphrases(FolderKeyFile file) {
    std::erase_if(file.recipients, [](const Recipient& each) {
        return each.wrapping != KeyWrapping::kPbes2 || each.is_recovery;
    });
    if (file.recipients.empty()) {
        return std::unexpected(Error{ErrorCode::kNotFound, "no passphrase opens this folder key",
                                     "add one: ecryptfsctl add-recipient FILE --new-passphrase"});
    }
    return file;
}

Result<void> replace(FolderKeyFile& file, const Recipient& old, const Recipient& changed) {
    const auto place = std::ranges::find(file.recipients, old.kid, &Recipient::kid);
    if (place == file.recipients.end() || place->encrypted_key != old.encrypted_key) {
        return std::unexpected(changed_file_error());
    }
    *place = changed;
    return {};
}

}  // namespace

void add_options(CLI::App& parser, ChangePassphraseOptions& options) {
    add_json(parser, options.json);
    add_folder_key_file(parser, options.file);
    add_secret_file(parser, "--passphrase-file", options.passphrase_file, "the old passphrase");
    add_secret_file(parser, "--new-passphrase-file", options.new_passphrase_file, "the new one");
}

Result<void> run(const ChangePassphraseOptions& options) {
    TRY(check_standard_input_once(
        std::array{options.passphrase_file, options.new_passphrase_file}));
    const auto all = TRY(read_folder_key_file(options.file));
    const auto read = TRY(with_passphrases(all));
    SecretAnswers answers;
    answers.passphrase = [&] {
        return read_passphrase({options.passphrase_file, kOldPassphrase, "--passphrase-file"});
    };
    const auto opened = TRY(open_folder_key(read, {{}, {}, std::move(answers)}));
    const auto& old = *folderkey::find_recipient(read, opened.kid);
    const auto passphrase = TRY(read_new_passphrase(
        {options.new_passphrase_file, kNewPassphrase, "--new-passphrase-file"}));
    auto made = TRY(make_passphrase_recipient(opened.content_key.view(), passphrase.view()));
    made.kid = opened.kid;
    const auto change = [&](FolderKeyFile& file) -> Result<void> {
        TRY(check_same_content(file, read));
        return replace(file, old, made);
    };
    const auto changed = TRY(change_folder_key_file(options.file, change));
    return report_folder_key(options.file, changed, options.json);
}

}  // namespace ecryptfs::cli
