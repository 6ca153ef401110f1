// SPDX-License-Identifier: Apache-2.0

#include "cli/folder_key/opening.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "cli/ask/ask_secret.h"
#include "cli/folder_key/file_store.h"
#include "cli/folder_key/recovery_key.h"
#include "cli/input/key_location.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/folderkey/passphrase_wrapping.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using folderkey::FolderKeyFile;
using folderkey::KeyWrapping;
using folderkey::Recipient;

constexpr char kFileModule[] = "openssl";

struct FoundContentKey {
    SecretBytes key;
    std::string kid;
};
// Nothing: this way is not at hand, go on.
using Attempt = Result<std::optional<FoundContentKey>>;

class Opening {
  public:
    Opening(const FolderKeyFile& file, const OpeningWays& ways) : ways_(ways) {
        for (const auto& each : file.recipients) {
            if (!ways.kid || each.kid == *ways.kid) {
                recipients_.push_back(&each);
            }
        }
    }

    Result<FoundContentKey> run() {
        for (const auto step : steps()) {
            auto found = TRY((this->*step)());
            if (found) {
                return std::move(*found);
            }
        }
        return std::unexpected(nothing_at_hand());
    }

  private:
    using Step = Attempt (Opening::*)();

    // A recovery key is asked for at the end, where nothing else has opened it.
    std::vector<Step> steps() const {
        if (ways_.answers.is_passphrase_given) {
            return {&Opening::try_passphrase, &Opening::try_ready_keys, &Opening::try_other_keys};
        }
        if (has_passphrase(false)) {
            return {&Opening::try_ready_keys, &Opening::try_passphrase, &Opening::try_other_keys};
        }
        return {&Opening::try_ready_keys, &Opening::try_other_keys, &Opening::try_passphrase};
    }

    // Key files that need no passphrase, and keys on tokens, whose PIN is asked for.
    Attempt try_ready_keys() {
        for (const auto* each : recipients_) {
            const bool is_file = each->module == kFileModule;
            auto found = TRY(try_key(*each, is_file ? AskKeySecret{} : ways_.answers.key_secret));
            if (found) {
                return found;
            }
        }
        return std::nullopt;
    }

    // Key files with a passphrase.
    Attempt try_other_keys() {
        for (const auto* each : recipients_) {
            if (each->module == kFileModule && ways_.answers.key_secret &&
                want_secret_.contains(each->kid)) {
                auto found = TRY(try_key(*each, ways_.answers.key_secret));
                if (found) {
                    return found;
                }
            }
        }
        return std::nullopt;
    }

    Attempt try_key(const Recipient& recipient, const AskKeySecret& ask) {
        if (recipient.module.empty() || recipient.locator.empty()) {
            return std::nullopt;
        }
        auto opened = use_key(recipient, ask);
        if (opened) {
            return FoundContentKey{std::move(*opened), recipient.kid};
        }
        switch (opened.error().code) {
            case ErrorCode::kWrongSecret:  // a token takes only a few
            case ErrorCode::kSecretLockedOut:
            case ErrorCode::kCancelled:
                return std::unexpected(opened.error());
            case ErrorCode::kSecretRequired:
                want_secret_.insert(recipient.kid);
                break;
            default:
                break;
        }
        if (!failure_) {
            failure_ = opened.error();
        }
        return std::nullopt;
    }

    // One operation, and that only of the key that is meant.
    Result<SecretBytes> use_key(const Recipient& recipient, const AskKeySecret& ask) const {
        const pki::KeyLocation place{recipient.module, recipient.locator};
        auto key = TRY(HostedKey::open(ways_.paths, place, ask));
        if (key.signature().text() != recipient.kid) {
            return std::unexpected(Error{
                ErrorCode::kUnknownKey,
                fmt::format("{} is another key now, {}", printable(display_name(recipient.locator)),
                            key.signature().text())});
        }
        return folderkey::unwrap_with_key(recipient, key);
    }

    bool has_passphrase(bool of_recovery) const {
        return std::ranges::any_of(recipients_, [=](const Recipient* each) {
            return each->wrapping == KeyWrapping::kPbes2 && each->is_recovery == of_recovery;
        });
    }

    // A text of a recovery key's form is tried as one first.
    std::vector<const Recipient*> passphrase_recipients(bool recovery_first) const {
        std::vector<const Recipient*> found;
        for (const bool recovery : {recovery_first, !recovery_first}) {
            std::ranges::copy_if(
                recipients_, std::back_inserter(found), [=](const Recipient* each) {
                    return each->wrapping == KeyWrapping::kPbes2 && each->is_recovery == recovery;
                });
        }
        return found;
    }

    Attempt try_passphrase() {
        if (!ways_.answers.passphrase || (!has_passphrase(false) && !has_passphrase(true))) {
            return std::nullopt;
        }
        const auto typed = ways_.answers.passphrase();
        if (!typed && typed.error().code == ErrorCode::kSecretRequired) {
            unanswered_ = typed.error();
            return std::nullopt;
        }
        if (!typed) {
            return std::unexpected(typed.error());
        }
        const auto recovery = TRY(canonical_recovery_key(typed->view()));
        for (const auto* each : passphrase_recipients(!recovery.empty())) {
            const auto& secret = each->is_recovery && !recovery.empty() ? recovery : *typed;
            auto opened = folderkey::unwrap_with_passphrase(*each, secret.view());
            if (opened) {
                return FoundContentKey{std::move(*opened), each->kid};
            }
            if (opened.error().code != ErrorCode::kWrongSecret) {
                return std::unexpected(opened.error());
            }
        }
        return std::unexpected(Error{ErrorCode::kWrongSecret,
                                     "this opens no recipient of the folder key", "type it again"});
    }

    Error nothing_at_hand() const {
        if (recipients_.empty()) {
            return unknown_recipient_error(ways_.kid.value_or(""));
        }
        const auto keys =
            failure_ ? fmt::format("no private key that is at hand opens it: {}", failure_->message)
                     : "";
        if (unanswered_) {
            return {ErrorCode::kSecretRequired,
                    failure_ ? fmt::format("{}; and {}", keys, unanswered_->message)
                             : unanswered_->message,
                    unanswered_->advice};
        }
        if (failure_ && failure_->code == ErrorCode::kSecretRequired) {
            return {failure_->code, keys, non_interactive_advice("--key-passphrase-file")};
        }
        return failure_ ? Error{failure_->code, keys, failure_->advice}
                        : Error{ErrorCode::kNotFound, "nothing says where its private keys are"};
    }

    const OpeningWays& ways_;
    std::vector<const Recipient*> recipients_;
    std::set<std::string> want_secret_;  // kids of keys that need one
    std::optional<Error> failure_;       // of the first private key
    std::optional<Error> unanswered_;    // why there is no passphrase
};

}  // namespace

Result<OpenedFolderKey> open_folder_key(const FolderKeyFile& file, const OpeningWays& ways) {
    auto found = TRY(Opening(file, ways).run());
    auto key = TRY(folderkey::unseal_folder_key(file, found.key.view()));
    return OpenedFolderKey{std::move(key), std::move(found.key), std::move(found.kid)};
}

}  // namespace ecryptfs::cli
