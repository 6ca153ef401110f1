// SPDX-License-Identifier: Apache-2.0
//
// The verbs for passphrases and lower files.

#include "cli/grammar.h"

namespace ecryptfs::cli {
namespace {

constexpr char kMountPassphrase[] = "the mount passphrase";
constexpr char kWrappingPassphrase[] = "the wrapping passphrase";
constexpr char kSaltHelp[] =
    "Salt of the key for contents, 16 hexadecimal digits; 0011223344556677 if not given";

void add_file(CLI::App& verb, std::string& file, const char* what) {
    verb.add_option("FILE", file, what)->type_name("")->required();
}

void add_salt(CLI::App& verb, std::string& salt) {
    verb.add_option("--salt", salt, kSaltHelp)->type_name("HEX");
}

void add_wrapped(CLI::App& verb, std::string& wrapped, std::string& wrapping_file) {
    auto* option =
        verb.add_option("--wrapped", wrapped,
                        "Take the mount passphrase from FILE, as ~/.ecryptfs/wrapped-passphrase")
            ->type_name("FILE");
    add_secret_file(verb, "--wrapping-passphrase-file", wrapping_file, kWrappingPassphrase)
        ->needs(option);
}

// One value each time it is given, however many arguments follow.
void add_repeated(CLI::App& verb, const char* name, std::vector<std::string>& values,
                  const char* value_name, const char* what) {
    verb.add_option(name, values, what)->type_name(value_name)->allow_extra_args(false);
}

// The mount passphrases of those verbs that try several.
void add_passphrase_sources(CLI::App& verb, PassphraseSources& sources) {
    verb.add_flag("--passphrase", sources.passphrase, "Ask for a mount passphrase");
    add_repeated(verb, "--passphrase-file", sources.passphrase_files, "FILE",
                 "Read a mount passphrase from the first line of FILE, - for standard input");
    add_repeated(verb, "--wrapped", sources.wrapped, "FILE",
                 "Take the mount passphrase from FILE, as ~/.ecryptfs/wrapped-passphrase; may be "
                 "given several times");
    add_repeated(verb, "--wrapping-passphrase-file", sources.wrapping_files, "FILE",
                 "The first --wrapped's wrapping passphrase is the first line of FILE, - for "
                 "standard input; may be given once for each");
    add_salt(verb, sources.salt);
}

void describe_add_passphrase(Grammar& grammar) {
    auto& options = grammar.add_passphrase;
    auto* add =
        grammar.verb("add-passphrase", "Put a passphrase's token where mount finds it", options,
                     "sig=$(ecryptfsctl add-passphrase)\n"
                     "  ecryptfsctl add-passphrase --fnek --wrapped ~/.ecryptfs/wrapped-passphrase",
                     [&grammar] {
                         AddPassphrase command = grammar.add_passphrase;
                         command.place = grammar.place();
                         return command;
                     });
    add->add_flag("--fnek", options.fnek,
                  "Its key for file names too, whose signature is printed second");
    add_salt(*add, options.salt);
    add_wrapped(*add, options.wrapped, options.wrapping_file);
    add_secret_file(*add, "--passphrase-file", options.passphrase_file, kMountPassphrase)
        ->excludes("--wrapped");
    grammar.add_place(*add);
}

}  // namespace

void Grammar::describe_passphrase_verbs() {
    describe_add_passphrase(*this);

    auto* wrap =
        verb("wrap-passphrase", "Put a mount passphrase into a file, under another passphrase",
             wrap_passphrase, "ecryptfsctl wrap-passphrase ~/.ecryptfs/wrapped-passphrase");
    add_file(*wrap, wrap_passphrase.file, "The file to make");
    add_secret_file(*wrap, "--passphrase-file", wrap_passphrase.passphrase_file, kMountPassphrase);
    add_secret_file(*wrap, "--wrapping-passphrase-file", wrap_passphrase.wrapping_file,
                    kWrappingPassphrase);

    auto* unwrap = plain_verb("unwrap-passphrase", "Print the mount passphrase in such a file",
                              "ecryptfsctl unwrap-passphrase ~/.ecryptfs/wrapped-passphrase",
                              [this] { return unwrap_passphrase; });
    add_file(*unwrap, unwrap_passphrase.file, "A wrapped-passphrase file of version 1 or 2");
    add_secret_file(*unwrap, "--wrapping-passphrase-file", unwrap_passphrase.wrapping_file,
                    kWrappingPassphrase);

    auto* rewrap = verb("rewrap-passphrase", "Change the passphrase that such a file is under",
                        rewrap_passphrase,
                        "ecryptfsctl rewrap-passphrase ~/.ecryptfs/wrapped-passphrase\n"
                        "  ecryptfsctl rewrap-passphrase --upgrade ~/.ecryptfs/wrapped-passphrase");
    add_file(*rewrap, rewrap_passphrase.file, "A wrapped-passphrase file; version 2 afterwards");
    add_secret_file(*rewrap, "--wrapping-passphrase-file", rewrap_passphrase.wrapping_file,
                    kWrappingPassphrase);
    auto* changed = add_secret_file(*rewrap, "--new-wrapping-passphrase-file",
                                    rewrap_passphrase.new_wrapping_file, "the new one");
    rewrap
        ->add_flag("--upgrade", rewrap_passphrase.upgrade,
                   "Keep the wrapping passphrase, and write version 2 with a fresh salt")
        ->excludes(changed);
}

void Grammar::describe_file_verbs() {
    auto* look =
        verb("inspect", "Show how lower files are encrypted, and which keys open them", inspect,
             "ecryptfsctl inspect ~/.Private\n"
             "  ecryptfsctl inspect --json ~/.Private | jq -r "
             "'.files[] | select(.state == \"damaged\").path'\n"
             "  ecryptfsctl inspect ~/.Private --find letters/2019.txt --passphrase");
    look->add_option("PATH", inspect.paths, "Files and folders that a mount has below it")
        ->type_name("")
        ->required();
    add_repeated(*look, "--find", inspect.find, "PLAIN",
                 "Print the lower path of this plain path below PATH; may be given several times");
    add_passphrase_sources(*look, inspect.passphrases);
    look->add_flag("--all", inspect.all, "Of a folder every file, not only those with a fault");

    auto* open = verb("decrypt", "Decrypt lower files and folders, without the kernel", decrypt,
                      "ecryptfsctl decrypt ~/.Private --output rescued "
                      "--wrapped ~/.ecryptfs/wrapped-passphrase\n"
                      "  ecryptfsctl decrypt lower --output rescued --key key.pem "
                      "--key 'pkcs11:token=work;object=files'\n"
                      "  ecryptfsctl decrypt ~/.Private --only letters/2019.txt --output - "
                      "--passphrase",
                      [this] {
                          Decrypt command = decrypt;
                          command.paths = paths;
                          return command;
                      });
    open->add_option("PATH", decrypt.lower, "Lower files, and folders whose contents go to DIR")
        ->type_name("")
        ->required();
    open->add_option("--output", decrypt.output,
                     "Where to; nothing in it is overwritten. - for one file to standard output")
        ->type_name("DIR")
        ->required();
    add_repeated(
        *open, "--only", decrypt.only, "NAME",
        "Only this file or folder, by its path in the mounted folder; may be given several "
        "times");
    open->add_flag("--beyond-size", decrypt.beyond_size,
                   "Save what lies behind the end of a file, as after a crash, as NAME.beyond");
    add_repeated(*open, "--key", decrypt.keys, "URI",
                 "A private key: a file, a file: or a pkcs11: URI; may be given several times");
    add_repeated(*open, "--key-passphrase-file", decrypt.key_passphrase_files, "FILE",
                 "The first --key's passphrase or PIN is the first line of FILE; may be given once "
                 "for each");
    add_passphrase_sources(*open, decrypt.passphrases);
    add_allow_library(*open);
    add_paths(*open);
}

}  // namespace ecryptfs::cli
