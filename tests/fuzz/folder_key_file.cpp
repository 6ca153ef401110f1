// SPDX-License-Identifier: Apache-2.0

#include "lib/folderkey/folder_key_file.h"

#include "lib/base/base64url.h"
#include "tests/fuzz/check.h"

namespace ecryptfs::fuzz {
namespace {

void check_recipient(const folderkey::Recipient& recipient) {
    require(!recipient.kid.empty(), "each recipient has a kid");
    if (recipient.wrapping == folderkey::KeyWrapping::kPbes2) {
        require(recipient.iterations >= folderkey::kFewestIterations &&
                    recipient.iterations <= folderkey::kMostIterations,
                "nobody can make us count for hours");
        require(recipient.salt.size() >= 8, "the salt is long enough");
    }
    if (recipient.wrapping == folderkey::KeyWrapping::kEcdhEs) {
        require(
            recipient.ephemeral_key.point.size() == pki::point_size(recipient.ephemeral_key.kind),
            "a point is of its curve's size");
    }
}

}  // namespace

void try_input(base::ByteView input) {
    const auto text = base::as_text(input);
    if (const auto bytes = base::from_base64url(text)) {
        require_same(base::as_bytes(base::to_base64url(*bytes)), input, "base64url has one form");
    }
    const auto file = folderkey::parse_folder_key_file(text);
    if (!file) {
        require(file.error().code == base::ErrorCode::kMalformed &&
                    file.error().message.starts_with("folder key file: "),
                "refused with a reason");
        return;
    }
    require(file->contents_signature && file->names_signature, "it says which keys it has");
    require(file->ciphertext.size() == folderkey::kContentSize, "of one size");
    for (const auto& each : file->recipients) {
        check_recipient(each);
        require(folderkey::find_recipient(*file, each.kid) == &each, "a kid is of one recipient");
    }
    const auto written = folderkey::encode_folder_key_file(*file);
    if (!written) {
        return;  // two recipients without a kid may be given one that is taken, or it grows too
                 // large
    }
    const auto again = folderkey::parse_folder_key_file(*written);
    require(again.has_value(), "what was written can be read");
    require(folderkey::encode_folder_key_file(*again) == *written, "and stays the same");
}

}  // namespace ecryptfs::fuzz
