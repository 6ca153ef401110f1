// SPDX-License-Identifier: Apache-2.0

#include "cli/folder_key/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/input/key_location.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "lib/base/hex.h"
#include "lib/base/shell_word.h"

namespace ecryptfs::cli {
namespace {

using folderkey::FolderKeyFile;
using folderkey::KeyWrapping;
using folderkey::Recipient;
using Json = nlohmann::ordered_json;

const char* kind_name(const Recipient& recipient) {
    if (recipient.wrapping != KeyWrapping::kPbes2) {
        return "key";
    }
    return recipient.is_recovery ? "recovery" : "passphrase";
}

Json recipient_json(const Recipient& recipient) {
    return {{"kid", recipient.kid},
            {"kind", kind_name(recipient)},
            {"algorithm", folderkey::algorithm_name(recipient.wrapping)},
            {"module", text_or_null(recipient.module)},
            {"locator", text_or_null(recipient.locator)},
            {"iterations", number_or_null(recipient.iterations)}};
}

}  // namespace

std::string recipients_text(const FolderKeyFile& file) {
    Table table({"RECIPIENT", "KIND", "ALGORITHM", "WHERE"});
    for (const auto& each : file.recipients) {
        table.add_row({each.kid, kind_name(each),
                       std::string(folderkey::algorithm_name(each.wrapping)),
                       each.locator.empty() ? "-" : display_name(each.locator)});
    }
    return table.text();
}

std::string folder_key_json(const std::string& path, const FolderKeyFile& file,
                            const std::vector<std::string>& warnings) {
    Json recipients = Json::array();
    for (const auto& each : file.recipients) {
        recipients.push_back(recipient_json(each));
    }
    return json_line({{"file", path},
                      {"folder", base::to_hex(file.folder_id)},
                      {"signature", file.contents_signature.value().text()},
                      {"fnek_signature", file.names_signature.value().text()},
                      {"recipients", recipients},
                      {"warnings", warnings}});
}

std::vector<std::string> folder_key_warnings(const std::string& path, const FolderKeyFile& file) {
    if (std::ranges::any_of(file.recipients, &Recipient::is_recovery)) {
        return {};
    }
    return {
        fmt::format("{} has no recovery key: without its other recipients the files are lost; "
                    "to add one: ecryptfsctl add-recipient --recovery {}",
                    path, base::shell_word(path))};
}

base::Result<void> report_folder_key(const std::string& path, const FolderKeyFile& file,
                                     bool json) {
    const auto warnings = folder_key_warnings(path, file);
    std::ranges::for_each(warnings, warn);
    return json ? print(folder_key_json(path, file, warnings)) : base::Result<void>();
}

}  // namespace ecryptfs::cli
