# SPDX-License-Identifier: Apache-2.0
#
# Completion of ecryptfsctl in fish. What can be typed is read from the program's own help, so that there is no second
# list of it. What comes from keys and tokens is never evaluated: a name may hold anything.

function __ecryptfsctl_verbs
    ecryptfsctl --help 2>/dev/null | string replace --filter --regex '^  ([a-z][a-z-]+) +(.*)' '$1\t$2'
end

# The verb typed, if it is one.
function __ecryptfsctl_verb
    set --local words (commandline --tokenize --cut-at-cursor --current-process)
    contains -- "$words[2]" (__ecryptfsctl_verbs | string replace --regex '\t.*' ''); and echo $words[2]
end

function __ecryptfsctl_options
    ecryptfsctl (__ecryptfsctl_verb) --help 2>/dev/null |
        string replace --filter --regex '^  (?:-[a-z],)?(--[a-z-]+)\S*(?: [A-Z:+]+\b)?(?: (?:Needs|Excludes):(?: --[a-z-]+)+)* *(.*)' '$1\t$2'
end

# Signatures are 16 hexadecimal digits; nothing else in that place is one.
function __ecryptfsctl_signatures
    ecryptfsctl list-keys 2>/dev/null | string replace --filter --regex '^([0-9a-f]{16})(?: +(.*))?$' '$1\t$2'
end

function __ecryptfsctl_uris
    ecryptfsctl list-keys --available 2>/dev/null | string replace --filter --regex '^  (pkcs11:[!-~]*)$' '$1'
end

# Candidates for what the help calls $argv[1].
function __ecryptfsctl_candidates
    switch "$argv[1]"
        case SIG
            __ecryptfsctl_signatures
        case URI WHERE
            if string match --quiet -- 'p*' (commandline --current-token)
                __ecryptfsctl_uris
            end
            __fish_complete_path (commandline --current-token)
        case FILE PROGRAM PATH
            __fish_complete_path (commandline --current-token)
        case DIR FOLDER LOWER UPPER
            __fish_complete_directories (commandline --current-token)
        case MODULE NAME
            printf '%s\n' openssl pkcs11 tpm2
        case KEYRING
            printf '%s\n' user session
        case BITS
            printf '%s\n' 2048 3072 4096
        case CIPHER
            printf '%s\n' aes blowfish des3_ede twofish cast6 cast5
        case BYTES
            printf '%s\n' 16 24 32
        case USER
            __fish_complete_users
    end
end

# Prints what the help calls the word that is being typed: "FILE" after --passphrase-file, or an argument's name.
function __ecryptfsctl_expected
    set --local words (commandline --tokenize --cut-at-cursor --current-process)
    set --local help (ecryptfsctl (__ecryptfsctl_verb) --help 2>/dev/null)
    set --local value
    set --local position 1
    for word in $words[3..]
        if test -n "$value"
            set value
        else if string match --quiet --regex '^--[a-z-]+$' -- $word
            set value (string replace --filter --regex "^  (?:-[a-z],)?$word ([A-Z]+)\b.*" '$1' -- $help)
        else
            set position (math $position + 1)
        end
    end
    if test -n "$value"
        echo $value
    else
        set --local names (string replace --filter --regex '^Usage: ecryptfsctl [a-z-]+ \[OPTIONS\] *' '' -- $help | string split ' ')
        if string match --quiet '*...' -- $names[-1]; and test $position -gt (count $names) # "PATH..."
            set position (count $names)
        end
        string replace --all --regex '[^A-Z]' '' -- $names[$position] # without the brackets of one that may be left out
    end
end

complete --command ecryptfsctl --no-files
complete --command ecryptfsctl --condition 'not __ecryptfsctl_verb >/dev/null' --arguments '(__ecryptfsctl_verbs)'
complete --command ecryptfsctl --condition __ecryptfsctl_verb --arguments '(__ecryptfsctl_candidates (__ecryptfsctl_expected))'
complete --command ecryptfsctl --condition '__ecryptfsctl_verb >/dev/null; and string match --quiet -- "-*" (commandline --current-token)' \
    --arguments '(__ecryptfsctl_options)'
