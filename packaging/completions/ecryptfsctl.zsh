#compdef ecryptfsctl
# SPDX-License-Identifier: Apache-2.0
#
# Completion of ecryptfsctl in zsh. What can be typed is read from the program's own help, so that there is no second
# list of it. What comes from keys and tokens is never evaluated: a name may hold anything.

# Candidates for what the help calls $1.
_ecryptfsctl_candidates() {
    local -a found
    case $1 in
        (SIG)
            # Signatures are 16 hexadecimal digits; nothing else in that place is one.
            found=(${(f)"$(ecryptfsctl list-keys 2>/dev/null | sed -n 's/^\([0-9a-f]\{16\}\)\( .*\)\{0,1\}$/\1/p')"})
            compadd -- $found ;;
        (URI|WHERE)
            if [[ $PREFIX == p* ]]; then
                found=(${(f)"$(ecryptfsctl list-keys --available 2>/dev/null | LC_ALL=C sed -n 's/^  \(pkcs11:[!-~]*\)$/\1/p')"})
                compadd -- $found
            fi
            _files ;;
        (FILE|PROGRAM|PATH) _files ;;
        (DIR|FOLDER|LOWER|UPPER) _files -/ ;;
        (MODULE|NAME) compadd openssl pkcs11 tpm2 ;;
        (KEYRING) compadd user session ;;
        (BITS) compadd 2048 3072 4096 ;;
        (CIPHER) compadd aes blowfish des3_ede twofish cast6 cast5 ;;
        (BYTES) compadd 16 24 32 ;;
        (USER) _users ;;
        (*) _message 'value' ;;
    esac
}

# What stands for the value of option $1 in the help $2: "FILE" of "--passphrase-file FILE", and nothing of
# "--json Excludes: --watch".
_ecryptfsctl_value_of() {
    sed -n "/^Options:/,/^\$/s/^  \(-[a-z],\)\{0,1\}$1 \([A-Z]\{1,\}\)\([ :].*\)\{0,1\}$/\2/p" <<<"$2"
}

_ecryptfsctl() {
    local help word value='' verb=$words[2]
    local -a verbs names options
    local -i position=1
    verbs=(${(f)"$(ecryptfsctl --help 2>/dev/null | sed -n '/^Subcommands:/,/^$/s/^  \([a-z-]*\)  *\(.*\)/\1:\2/p')"})
    if (( CURRENT == 2 )); then
        _describe verb verbs
        compadd -- --help --version
        return
    fi
    (( ${verbs[(I)${(b)verb}:*]} )) || return
    help=$(ecryptfsctl $verb --help 2>/dev/null)
    for word in "${(@)words[3,CURRENT-1]}"; do
        if [[ -n $value ]]; then
            value=''
        elif [[ $word == --[a-z-]## ]]; then
            value=$(_ecryptfsctl_value_of $word $help)
        else
            (( ++position ))
        fi
    done
    if [[ -z $value && $PREFIX == -* ]]; then
        options=(${(f)"$(sed -n '/^Options:/,/^$/s/^  \(-[a-z],\)\{0,1\}\(--[a-z-]*\).*/\2/p' <<<$help)"})
        compadd -- $options
        return
    fi
    names=(${=$(sed -n "s/^Usage: ecryptfsctl $verb \[OPTIONS\] *//p" <<<$help)})
    [[ $names[-1] != *... ]] || (( position <= $#names )) || position=$#names # "PATH..."
    _ecryptfsctl_candidates ${value:-${names[position]//[^A-Z]/}} # without the brackets of one that may be left out
}

_ecryptfsctl "$@"
