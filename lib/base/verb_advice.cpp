// SPDX-License-Identifier: Apache-2.0

#include "lib/base/verb_advice.h"

#include <fmt/format.h>

#include "lib/base/shell_word.h"

namespace ecryptfs::base {

std::string unlock_key_advice(std::string_view signature) {
    return fmt::format("unlock it: ecryptfsctl unlock {}", signature);
}

std::string add_key_advice() {
    return "add it: ecryptfsctl add-key FILE-OR-URI";
}

std::string add_key_again_advice() {
    return "add it again: ecryptfsctl add-key FILE-OR-URI";
}

std::string replace_token_advice(std::string_view signature) {
    return fmt::format(
        "remove it: ecryptfsctl remove-key {}; then add the key again: ecryptfsctl add-key "
        "FILE-OR-URI",
        signature);
}

std::string changed_key_advice(std::string_view locator) {
    return fmt::format("put the old key back, or add the new one: ecryptfsctl add-key {}",
                       shell_word(locator));
}

std::string add_passphrase_advice() {
    return "add it: ecryptfsctl add-passphrase";
}

std::string list_keys_advice() {
    return "see what it has: ecryptfsctl list-keys";
}

std::string key_quota_advice() {
    return "remove a key that you no longer need: ecryptfsctl remove-key SIGNATURE; see what there "
           "is: cat /proc/keys; and the limits: grep . /proc/sys/kernel/keys/max*";
}

std::string session_keyring_advice() {
    return "leave --keyring session out, or log in again for a new session keyring";
}

std::string key_uri_advice() {
    return "see how keys are named: ecryptfsctl list-keys --available";
}

std::string list_tokens_command() {
    return "ecryptfsctl list-tokens";
}

std::string make_token_key_command(std::string_view uri) {
    return fmt::format("ecryptfsctl generate-key pkcs11 {}", shell_word(uri));
}

std::string make_key_file_advice() {
    return "use an RSA key of 2048 to 4096 bits; make one: ecryptfsctl generate-key openssl "
           "NEW.pem";
}

std::string folder_key_advice() {
    return "add an RSA key; this one can open a folder key, by ecryptfsctl add-recipient";
}

std::string pcr_bank_advice() {
    return "choose a bank and PCRs that it has; see the banks: ecryptfsctl list-tokens";
}

std::string allow_library_advice() {
    return "if you trust it, give its path to --allow-library";
}

std::string agent_status_advice() {
    return "see what it does: ecryptfsctl status";
}

std::string cipher_mount_advice() {
    return "mount it with a kernel that has it: sudo ecryptfsctl mount --kernel LOWER UPPER";
}

}  // namespace ecryptfs::base
