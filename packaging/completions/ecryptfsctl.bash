# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Completion of ecryptfsctl in bash. What can be typed is read from the program's own help, so that there is no second
# list of it. File names are left to readline, and what comes from keys and tokens is never evaluated: a name may hold
# anything.

_ecryptfsctl_verbs() {
    ecryptfsctl --help 2>/dev/null | sed -n '/^Subcommands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

# Signatures are 16 hexadecimal digits; nothing else in that place is one.
_ecryptfsctl_signatures() {
    ecryptfsctl list-keys 2>/dev/null | sed -n 's/^\([0-9a-f]\{16\}\)\( .*\)\{0,1\}$/\1/p'
}

# On cards and the like; printable characters, neither blanks nor quotes, which is all that a URI needs. Quoted, unless
# the word to be completed, $1, already begins so: readline would not quote all that must be.
_ecryptfsctl_uris() {
    local uri
    ecryptfsctl list-keys --available 2>/dev/null | LC_ALL=C sed -n "s/^  \(pkcs11:[!#-&(-~]*\)$/\1/p" |
        while IFS= read -r uri; do
            if [[ $1 == \'* ]]; then printf '%s\n' "$uri"; else printf '%q\n' "$uri"; fi
        done
}

# What stands for the value of an option in the help: "FILE" of "--passphrase-file FILE", and nothing of
# "--json Excludes: --watch".
_ecryptfsctl_value_of() {
    sed -n "/^Options:/,/^\$/s/^  \(-[a-z],\)\{0,1\}$1 \([A-Z]\{1,\}\)\([ :].*\)\{0,1\}$/\2/p" <<<"$2"
}

# Candidates for what the help calls $1; none leaves it to readline, which knows about files.
_ecryptfsctl_candidates() {
    case $1 in
    SIG) _ecryptfsctl_signatures ;;
    URI | WHERE) [[ $2 != ?(\')p* ]] || _ecryptfsctl_uris "$2" ;;
    MODULE | NAME) printf '%s\n' openssl pkcs11 tpm2 ;;
    KEYRING) printf '%s\n' user session ;;
    BITS) printf '%s\n' 2048 3072 4096 ;;
    CIPHER) printf '%s\n' aes blowfish des3_ede twofish cast6 cast5 ;;
    BYTES) printf '%s\n' 16 24 32 ;;
    USER) compgen -A user ;;
    esac
}

# Prints what the help calls the argument after those in $@, verb and options among them.
_ecryptfsctl_expected() {
    local help=$1 word value='' position=0 names
    for word in "${@:3}"; do
        if [[ $value ]]; then
            value=''
        elif [[ $word == --* && $word =~ ^[a-z-]+$ ]]; then
            value=$(_ecryptfsctl_value_of "$word" "$help")
        else
            ((++position))
        fi
    done
    if [[ $value ]]; then
        echo "$value"
    else
        read -r -a names < <(sed -n "s/^Usage: ecryptfsctl $2 \[OPTIONS\] *//p" <<<"$help")
        if [[ ${names[*]} == *... && position -ge ${#names[@]} ]]; then position=$((${#names[@]} - 1)); fi # "PATH..."
        echo "${names[position]//[^A-Z]/}" # without the brackets of one that may be left out
    fi
}

_ecryptfsctl() {
    local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]-} verbs help expected='' candidate candidates
    verbs=$(_ecryptfsctl_verbs)
    if ((COMP_CWORD == 1)); then
        mapfile -t candidates <<<"$verbs"$'\n--help\n--version'
    else
        grep --quiet --line-regexp --fixed-strings -e "$verb" <<<"$verbs" || return
        help=$(ecryptfsctl "$verb" --help 2>/dev/null)
        expected=$(_ecryptfsctl_expected "$help" "$verb" "${COMP_WORDS[@]:2:COMP_CWORD-2}")
        if [[ $word == -* ]]; then
            mapfile -t candidates < <(sed -n '/^Options:/,/^$/s/^  \(-[a-z],\)\{0,1\}\(--[a-z-]*\).*/\2/p' <<<"$help")
        else
            mapfile -t candidates < <(_ecryptfsctl_candidates "$expected" "$word")
        fi
    fi
    COMPREPLY=()
    for candidate in "${candidates[@]}"; do
        [[ $candidate != "${word#\'}"* ]] || COMPREPLY+=("$candidate")
    done
    case $expected in
    URI | WHERE | FILE | PROGRAM | PATH) compopt -o default ;;
    DIR | FOLDER | LOWER | UPPER) compopt -o dirnames ;;
    esac
}

complete -F _ecryptfsctl ecryptfsctl
