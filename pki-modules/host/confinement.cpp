// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/confinement.h"

#include <sys/prctl.h>

#include <cerrno>

#include "lib/base/try.h"
#include "pki-modules/host/landlock.h"
#include "pki-modules/host/system_calls.h"

namespace ecryptfs::pki {

base::Result<void> give_up_common_rights() {
    // A process must do this before it may bind itself. It also keeps setuid programs from helping
    // a module out.
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return std::unexpected(
            base::system_error(base::ErrorCode::kModuleFailed, "giving up new privileges", errno));
    }
    TRY(isolate_from_processes());
    return refuse_common_calls();
}

base::Result<void> give_up_unneeded_rights(const ModuleNeeds& needs) {
    TRY(limit_files(needs));
    return refuse_unneeded_calls(needs);
}

}  // namespace ecryptfs::pki
