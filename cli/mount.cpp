// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <ranges>

#include "cli/caller.h"
#include "cli/keyrings.h"
#include "cli/mount_call.h"
#include "cli/mount_json.h"
#include "cli/mount_plan.h"
#include "cli/output.h"
#include "cli/verbs.h"

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
    const auto caller = act_for_user(command.user);
    if (!caller) {
        return std::unexpected(caller.error());
    }
    const auto memory = memory_path(caller->home);
    auto plan = plan_mount(command, *caller, memory);
    if (!plan) {
        return std::unexpected(plan.error());
    }
    if (command.print_options || command.print_fstab) {
        return print_plan(command, *plan);
    }
    // Root has other keyrings; this goes with the process, also when it is root again.
    if (const auto possessed = possess_user_keyring(); !possessed) {
        return possessed;
    }
    Objections objections(command.force);
    if (auto fine = check_keys(*plan, objections); !fine) {
        return fine;
    }
    if (auto fine = check_folders(*plan, objections); !fine) {
        return fine;
    }
    if (auto mounted = mount_folder(plan->folder.lower, plan->folder.upper, plan->options());
        !mounted) {
        return mounted;
    }
    if (const auto kept = remember(memory, plan->folder); !kept) {
        objections.warn("what was mounted is not remembered: " + kept.error().message);
    }
    std::ranges::for_each(objections.warnings(), warn);
    return command.json ? print(mounted_json(*plan, objections.warnings())) : Result<void>();
}

}  // namespace ecryptfs::cli
