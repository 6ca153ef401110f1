// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/mount.h"

#include <systemd/sd-daemon.h>

#include <algorithm>

#include "cli/mount/call.h"
#include "cli/mount/json.h"
#include "cli/mount/user_space.h"
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

void add_user_space(CLI::App& parser, MountOptions& options, CLI::Option* kernel) {
    add_repeated(parser, "-o,--options", options.fuse_options, "OPTION",
                 "An option of FUSE, such as allow_other; several with commas between them");
    parser.get_option("--options")->excludes(kernel);
    parser
        .add_flag("-f,--foreground", options.foreground,
                  "Stay in the foreground until it is unmounted")
        ->excludes(kernel);
}

// Checks nothing: the plan may be for another machine or time.
Result<void> print_plan(const MountOptions& command, const MountPlan& plan) {
    const auto options = plan.options();
    return print((command.print_fstab
                      ? fstab_line(plan.folder.lower, plan.folder.upper, options, plan.folder.way)
                      : mount_options(options)) +
                 "\n");
}

// What is checked and planned, and what is told when it is mounted.
class Mounting {
  public:
    Mounting(const MountOptions& command, MountSession& session, MountPlan plan,
             std::shared_ptr<const base::SealedMemfd> keys, std::string remembered_folders)
        : command_(command),
          session_(session),
          plan_(std::move(plan)),
          keys_(std::move(keys)),
          remembered_folders_(std::move(remembered_folders)),
          findings_(command.force) {}

    Result<void> run() {
        if (plan_.folder.way == MountWay::kKernel) {
            TRY(check());
            TRY(mount_folder(session_, {.lower = plan_.folder.lower,
                                        .upper = plan_.folder.upper,
                                        .options = plan_.options(),
                                        .may_hide_files = command_.force}));
            return tell();
        }
        const auto program = TRY(check_user_space(plan_, session_.caller, command_.fuse_options));
        TRY(check());
        UserSpaceMount mount{program,         plan_.folder.lower,    plan_.folder.upper,
                             plan_.options(), command_.fuse_options, std::move(keys_)};
        if (command_.foreground) {
            return serve_in_user_space(std::move(mount), [&] { return tell(); });
        }
        TRY(mount_in_user_space(mount));
        return tell();
    }

  private:
    Result<void> check() {
        TRY(check_keys(plan_, findings_));
        return check_folders(plan_, findings_);
    }

    Result<void> tell() {
        if (const auto kept = remember(remembered_folders_, plan_.folder); !kept) {
            findings_.add_warning("what was mounted is not remembered: " + kept.error().message);
        }
        std::ranges::for_each(findings_.warnings(), warn);
        ::sd_notify(0, "READY=1");  // to a service manager that waits for it
        return command_.json ? print(mounted_json(plan_, findings_.warnings())) : Result<void>();
    }

    const MountOptions& command_;
    MountSession& session_;
    MountPlan plan_;
    std::shared_ptr<const base::SealedMemfd> keys_;
    std::string remembered_folders_;
    CheckFindings findings_;
};

MountChoices all_choices(const MountOptions& options,
                         const std::optional<MountPassphrase>& passphrase,
                         std::optional<FolderKeyChoice> folder_key) {
    auto choices = options.choices;
    choices.folder_key = std::move(folder_key);
    choices.way = options.kernel ? MountWay::kKernel : MountWay::kUserSpace;
    if (passphrase) {
        choices.passphrase_key = passphrase->contents.signature;
        if (options.passphrase.encrypts_names) {
            choices.fnek = passphrase->names.signature.text();
        }
    }
    return choices;
}

SessionTask session_task(const MountOptions& options) {
    if (options.print_options || options.print_fstab) {
        return SessionTask::kPrint;
    }
    return options.kernel ? SessionTask::kMountByKernel : SessionTask::kMountInUserSpace;
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
    auto* kernel = parser.add_flag("--kernel", options.kernel,
                                   "Mount by the kernel's eCryptfs, as root or by sudo");
    add_keys(parser, choices);
    add_mount_passphrase(parser, options.passphrase);
    add_folder_key(parser, options.folder_key, choices.plain_names);
    add_views(parser, choices);
    parser.add_flag("--fresh", choices.fresh, "Use nothing that is remembered about the folder");
    parser.add_flag("--force", options.force, "Mount although a check advises against it");
    add_user_space(parser, options, kernel);
    add_prints(parser, options);
    add_user(parser, options.user);
}

Result<void> run(const MountOptions& options) {
    const auto task = session_task(options);
    auto session = TRY(start_mount_session(options.user, task));
    const auto remembered_folders = remembered_folders_path(session.caller.home);
    const auto passphrase = TRY(read_mount_passphrase(options.passphrase));
    auto folder_key = TRY(read_folder_key_choice(options.folder_key));
    auto plan = TRY(plan_mount(all_choices(options, passphrase, std::move(folder_key)),
                               session.caller, remembered_folders));
    if (task == SessionTask::kPrint) {
        return print_plan(options, plan);
    }
    auto folder = TRY(OpenFolderKeyForMount::open(options.folder_key, plan));
    std::optional<KeysForMount> keys;
    if (passphrase) {
        auto added = TRY(KeysForMount::add(*passphrase, plan));
        keys.emplace(std::move(added));
    }
    TRY(Mounting(options, session, plan, folder.take_keys(), remembered_folders).run());
    folder.keep();
    if (keys) {
        keys->keep();
    }
    return {};
}

}  // namespace ecryptfs::cli
