// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/mount.h"

#include <algorithm>

#include "cli/mount/call.h"
#include "cli/mount/json.h"
#include "cli/output/output.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Result;

void add_keys(CLI::App& parser, MountChoices& choices) {
    add_repeated(parser, "--key", choices.keys, "SIG",
                 "Encrypt new files for this key; may be given several times");
    add_repeated(parser, "--recovery", choices.recovery, "SIG",
                 "Encrypt new files for this key too, which opens them if the others are lost");
    parser.add_option("--fnek", choices.fnek, "Encrypt names by this passphrase key")
        ->type_name("SIG");
    parser
        .add_option("--cipher", choices.cipher, "Of new files: aes (default), twofish or another")
        ->type_name("CIPHER");
    parser
        .add_option("--key-bytes", choices.key_bytes,
                    "Size of the keys of new files: 16 (default), 24 or 32")
        ->type_name("BYTES");
}

void add_views(CLI::App& parser, MountChoices& choices) {
    parser.add_flag("--read-only", choices.read_only, "Let nothing be written");
    parser.add_flag("--xattr", choices.xattr,
                    "Keep headers in extended attributes of the lower files");
    parser.add_flag("--encrypted-view", choices.encrypted_view,
                    "Show files encrypted, with their header in front, as for a backup");
    parser.add_flag("--passthrough", choices.passthrough,
                    "Show lower files that are not encrypted as they are");
    parser.add_flag("--keep-keys", choices.keep_keys,
                    "Leave the keys in the keyring when it is unmounted");
}

void add_prints(CLI::App& parser, MountOptions& options) {
    auto* print_options = parser
                              .add_flag("--print-options", options.print_options,
                                        "Print the options for mount(8), and do not mount")
                              ->excludes("--json");
    parser
        .add_flag("--print-fstab", options.print_fstab,
                  "Print a line for /etc/fstab, and do not mount")
        ->excludes(print_options)
        ->excludes("--json");
}

// Checks nothing: the plan may be for another machine or time.
Result<void> print_plan(const MountOptions& command, const MountPlan& plan) {
    const auto options = plan.options();
    return print((command.print_fstab ? fstab_line(plan.folder.lower, plan.folder.upper, options)
                                      : mount_options(options)) +
                 "\n");
}

}  // namespace

void add_options(CLI::App& parser, MountOptions& options) {
    auto& choices = options.choices;
    add_json(parser, options.json);
    parser.add_option("LOWER", choices.lower, "The folder with the encrypted files")
        ->type_name("")
        ->required();
    parser
        .add_option("UPPER", choices.upper, "Where they are seen decrypted; remembered afterwards")
        ->type_name("");
    add_keys(parser, choices);
    add_views(parser, choices);
    parser.add_flag("--fresh", choices.fresh, "Use nothing that is remembered about the folder");
    parser.add_flag("--force", options.force, "Mount although a check advises against it");
    add_prints(parser, options);
    add_user(parser, options.user);
}

Result<void> run(const MountOptions& options) {
    const bool prints = options.print_options || options.print_fstab;
    auto session =
        TRY(start_mount_session(options.user, prints ? SessionTask::kPrint : SessionTask::kMount));
    const auto remembered_folders = remembered_folders_path(session.caller.home);
    auto plan = TRY(plan_mount(options.choices, session.caller, remembered_folders));
    if (prints) {
        return print_plan(options, plan);
    }
    CheckFindings findings(options.force);
    TRY(check_keys(plan, findings));
    TRY(check_folders(plan, findings));
    TRY(mount_folder(session, {.lower = plan.folder.lower,
                               .upper = plan.folder.upper,
                               .options = plan.options(),
                               .may_hide_files = options.force}));
    if (const auto kept = remember(remembered_folders, plan.folder); !kept) {
        findings.add_warning("what was mounted is not remembered: " + kept.error().message);
    }
    std::ranges::for_each(findings.warnings(), warn);
    return options.json ? print(mounted_json(plan, findings.warnings())) : Result<void>();
}

}  // namespace ecryptfs::cli
