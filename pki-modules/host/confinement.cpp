// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/confinement.h"

#include <sys/prctl.h>

#include <cerrno>

#include "lib/base/try.h"
#include "pki-modules/host/landlock.h"
#include "pki-modules/host/system_calls.h"

namespace ecryptfs::pki {

base::Result<void> give_up_what_no_module_needs() {
    // Without it no process may bind itself; and no setuid program helps a module out.
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return std::unexpected(
            base::system_error(base::ErrorCode::kModuleFailed, "giving up new privileges", errno));
    }
    TRY(part_from_other_processes());
    return refuse_calls_to_all_modules();
}

base::Result<void> give_up_all_but(const ModuleNeeds& needs) {
    TRY(limit_files(needs));
    return refuse_calls_beyond(needs);
}

}  // namespace ecryptfs::pki
