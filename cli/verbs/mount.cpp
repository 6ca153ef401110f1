// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <ranges>

#include "cli/mount/call.h"
#include "cli/mount/json.h"
#include "cli/mount/plan.h"
#include "cli/output/output.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Result;

// What mounts, without a mount: nothing is checked, as it may be for another machine or time.
Result<void> print_plan(const Mount& command, const MountPlan& plan) {
    const auto options = plan.options();
    return print((command.print_fstab ? fstab_line(plan.folder.lower, plan.folder.upper, options)
                                      : mount_options(options)) +
                 "\n");
}

}  // namespace

Result<void> run(const Mount& command) {
    const bool prints = command.print_options || command.print_fstab;
    auto session =
        TRY(start_mount_session(command.user, prints ? SessionTask::kPrint : SessionTask::kMount));
    const auto memory = remembered_folders_path(session.caller.home);
    auto plan = TRY(plan_mount(command, session.caller, memory));
    if (prints) {
        return print_plan(command, plan);
    }
    CheckFindings findings(command.force);
    TRY(check_keys(plan, findings));
    TRY(check_folders(plan, findings));
    if (auto mounted = mount_folder(session, {.lower = plan.folder.lower,
                                              .upper = plan.folder.upper,
                                              .options = plan.options(),
                                              .may_hide_files = command.force});
        !mounted) {
        return mounted;
    }
    if (const auto kept = remember(memory, plan.folder); !kept) {
        findings.add_warning("what was mounted is not remembered: " + kept.error().message);
    }
    std::ranges::for_each(findings.warnings(), warn);
    return command.json ? print(mounted_json(plan, findings.warnings())) : Result<void>();
}

}  // namespace ecryptfs::cli
