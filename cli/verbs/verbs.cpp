// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/verbs.h"

#include <array>

#include "cli/verbs/add_key.h"
#include "cli/verbs/add_passphrase.h"
#include "cli/verbs/add_recipient.h"
#include "cli/verbs/change_passphrase.h"
#include "cli/verbs/create_folder_key.h"
#include "cli/verbs/decrypt.h"
#include "cli/verbs/doctor.h"
#include "cli/verbs/generate_key.h"
#include "cli/verbs/inspect.h"
#include "cli/verbs/list_keys.h"
#include "cli/verbs/list_recipients.h"
#include "cli/verbs/list_tokens.h"
#include "cli/verbs/lock.h"
#include "cli/verbs/mount.h"
#include "cli/verbs/rekey.h"
#include "cli/verbs/remove_key.h"
#include "cli/verbs/remove_recipient.h"
#include "cli/verbs/rewrap_passphrase.h"
#include "cli/verbs/status.h"
#include "cli/verbs/test_recipient.h"
#include "cli/verbs/unlock.h"
#include "cli/verbs/unmount.h"
#include "cli/verbs/unwrap_passphrase.h"
#include "cli/verbs/wrap_passphrase.h"

namespace ecryptfs::cli {

std::span<const Verb> verbs() {
    static const auto table = std::to_array<Verb>({
        make_verb<AddKeyOptions>(),
        make_verb<GenerateKeyOptions>(),
        make_verb<ListTokensOptions>(),
        make_verb<ListKeysOptions>(),
        make_verb<RemoveKeyOptions>(),
        make_verb<LockOptions>(),
        make_verb<UnlockOptions>(),
        make_verb<AddPassphraseOptions>(),
        make_verb<WrapPassphraseOptions>(),
        make_verb<UnwrapPassphraseOptions>(),
        make_verb<RewrapPassphraseOptions>(),
        make_verb<CreateFolderKeyOptions>(),
        make_verb<ListRecipientsOptions>(),
        make_verb<AddRecipientOptions>(),
        make_verb<RemoveRecipientOptions>(),
        make_verb<ChangePassphraseOptions>(),
        make_verb<TestRecipientOptions>(),
        make_verb<InspectOptions>(),
        make_verb<DecryptOptions>(),
        make_verb<RekeyOptions>(),
        make_verb<MountOptions>(),
        make_verb<UnmountOptions>(),
        make_verb<StatusOptions>(),
        make_verb<DoctorOptions>(),
    });
    return table;
}

}  // namespace ecryptfs::cli
