// SPDX-License-Identifier: Apache-2.0
//
// The keys of one mount: what they open, what new files get, what names become. In locked memory.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/file_key.h"
#include "lib/lower/header.h"
#include "lib/lower/name_key.h"
#include "lib/lower/passphrase.h"
#include "lib/mount/folder_options.h"
#include "lib/wire/cipher.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::fuse {

// The key of a passphrase, by its signature. kUnknownKey, kKeyExpired and so on if there is none.
using FindPassphraseKey =
    std::function<base::Result<lower::PassphraseKey>(const wire::KeySignature&)>;

// What a new lower file begins with, and the key of its contents.
struct NewFile {
    lower::FileKey key;
    std::vector<std::uint8_t> header;
};

class MountKeys {
  public:
    // kInvalidArgument for options that do not fit together: no key, a cipher or size that eCryptfs
    // does not have. kNotSupported for a cipher that OpenSSL does not have.
    static base::Result<MountKeys> load(const mount::FolderOptions& options,
                                        const FindPassphraseKey& find);

    // By the last packet that one of the keys opens, as the kernel does. kUnknownKey.
    base::Result<lower::FileKey> open(const lower::Header& header) const;

    // Every key of the mount opens it.
    base::Result<NewFile> make_file() const;

    bool encrypts_names() const { return names_.has_value(); }
    // The name in the lower folder; also of a link's target. kInvalidArgument if it is too long.
    base::Result<std::string> encrypt_name(std::string_view plain) const;
    // Nothing for a name that is not of this mount: the kernel does not show it either.
    std::optional<std::string> decrypt_name(const std::string& lower) const;

  private:
    struct Names {
        lower::NameCipher cipher;
        base::SecretBytes fnek;
    };

    std::vector<lower::PassphraseKey> keys_;
    std::optional<Names> names_;
    const wire::Cipher* cipher_ = nullptr;
    std::size_t key_size_ = 0;
    std::uint32_t flags_ = 0;  // lower::HeaderFlag of new files
};

}  // namespace ecryptfs::fuse
