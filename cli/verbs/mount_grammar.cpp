// SPDX-License-Identifier: Apache-2.0
//
// The verbs that mount and unmount.

#include "cli/grammar.h"

namespace ecryptfs::cli {
namespace {

void add_user(CLI::App& verb, std::string& user) {
    verb.add_option("--user", user, "Whose keys and agent; who called sudo if not given")
        ->type_name("USER");
}

void add_signatures(CLI::App& verb, const char* name, std::vector<std::string>& values,
                    const char* what) {
    verb.add_option(name, values, what)->type_name("SIG")->allow_extra_args(false);
}

void describe_keys(CLI::App& verb, Mount& options) {
    add_signatures(verb, "--key", options.keys,
                   "Encrypt new files for this key; may be given several times");
    add_signatures(verb, "--recovery", options.recovery,
                   "And for this one, which then opens them should the others be lost");
    verb.add_option("--fnek", options.fnek, "Encrypt names by this passphrase key")
        ->type_name("SIG");
    verb.add_option("--cipher", options.cipher, "Of new files: aes (default), twofish or another")
        ->type_name("CIPHER");
    verb.add_option("--key-bytes", options.key_bytes,
                    "Size of new files' keys: 16 (default), 24 or 32")
        ->type_name("BYTES");
}

void describe_looks(CLI::App& verb, Mount& options) {
    verb.add_flag("--read-only", options.read_only, "Nothing can be written");
    verb.add_flag("--xattr", options.xattr, "Headers go into extended attributes of lower files");
    verb.add_flag("--encrypted-view", options.encrypted_view,
                  "Show files as they are encrypted, with their header in front, as for a backup");
    verb.add_flag("--passthrough", options.passthrough,
                  "Show lower files that are not encrypted as they are");
    verb.add_flag("--keep-keys", options.keep_keys,
                  "Leave the keys in the keyring when it is unmounted");
}

}  // namespace

void Grammar::describe_mount_verbs() {
    auto* mount_verb =
        verb("mount", "Mount a folder of encrypted files (as root, or by sudo)", mount,
             "sudo ecryptfsctl mount ~/.Secret ~/Secret --key fe3467554552491d\n"
             "  sudo ecryptfsctl mount ~/.Secret          as the last time\n"
             "  ecryptfsctl mount ~/.Secret --print-fstab");
    mount_verb->add_option("LOWER", mount.lower, "The folder with the encrypted files")
        ->type_name("")
        ->required();
    mount_verb
        ->add_option("UPPER", mount.upper, "Where they are seen decrypted; remembered afterwards")
        ->type_name("");
    describe_keys(*mount_verb, mount);
    describe_looks(*mount_verb, mount);
    mount_verb->add_flag("--fresh", mount.fresh, "Use nothing that is remembered of the folder");
    mount_verb->add_flag("--force", mount.force, "Mount although a check says better not");
    auto* options = mount_verb
                        ->add_flag("--print-options", mount.print_options,
                                   "Print the options for mount(8), and do not mount")
                        ->excludes("--json");
    mount_verb
        ->add_flag("--print-fstab", mount.print_fstab,
                   "Print a line for /etc/fstab, and do not mount")
        ->excludes(options)
        ->excludes("--json");
    add_user(*mount_verb, mount.user);

    auto* unmount_verb = verb("umount", "Unmount it, and take away keys that no mount uses",
                              unmount, "sudo ecryptfsctl umount ~/Secret");
    unmount_verb->add_option("FOLDER", unmount.folder, "The upper folder, or the lower one")
        ->type_name("")
        ->required();
    unmount_verb->add_flag("--lazy", unmount.lazy, "Also when it is in use: gone when that ends");
    auto* keep =
        unmount_verb->add_flag("--keep-keys", unmount.keep_keys, "Leave the keys in the keyring");
    unmount_verb
        ->add_flag("--unlink-keys", unmount.unlink_keys,
                   "Take them away though the mount was made without ecryptfs_unlink_sigs")
        ->excludes(keep);
    add_user(*unmount_verb, unmount.user);
}

}  // namespace ecryptfs::cli
