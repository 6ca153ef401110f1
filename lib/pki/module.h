// SPDX-License-Identifier: Apache-2.0
//
// A PKI module as C++. It is loaded once and never unloaded; its statuses become Errors. The ABI
// header says what each call does. Any thread, within the module's limit.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/pki/host_protocol.h"

struct ecryptfs_pki_key;
struct ecryptfs_pki_module;

namespace ecryptfs::pki {

// What a module says of a key. Not checked.
struct KeyDescription {
    PublicKey public_key;
    std::string warning;
    std::string locator;  // opens the key from now on; empty: as before
};

// The rights of ecryptfs_pki_needs that a module says it needs.
struct ModuleNeeds {
    bool network = false;
    bool local_services = false;
    bool devices = false;
    bool files = false;
    bool programs = false;
    bool tpm = false;  // the TPM's devices

    bool operator==(const ModuleNeeds&) const = default;
};

// An open key of a module. Closes it in the end.
class ModuleKey {
  public:
    ModuleKey(const ::ecryptfs_pki_module& module, ::ecryptfs_pki_key* key)
        : module_(module), key_(key) {}
    ModuleKey(const ModuleKey&) = delete;
    ModuleKey& operator=(const ModuleKey&) = delete;
    ~ModuleKey();

    base::Result<KeyDescription> describe() const;

    // Writes into `output` and gives the part written. kModuleFailed if the module claims to have
    // written more than fits.
    base::Result<base::ByteView> run(base::FileKeyOperation action, base::ByteView input,
                                     base::ByteSpan output) const;
    // Likewise. kNotSupported if the module, the token or the key cannot do this.
    base::Result<base::ByteView> decrypt_oaep(OaepDigest digest, base::ByteView input,
                                              base::ByteSpan output) const;
    // Likewise. `peer` must be a point of the key's curve.
    base::Result<base::ByteView> derive(base::ByteView peer, base::ByteSpan output) const;

  private:
    const ::ecryptfs_pki_module& module_;
    ::ecryptfs_pki_key* key_;
};

class Module {
  public:
    // `path`: NAME.so. kUnknownModule if there is no such file. kModuleFailed if it cannot be
    // loaded, has an unknown ABI version, or has another name than its file.
    static base::Result<Module> load(const std::string& path);

    std::string_view name() const;
    std::string_view version() const;
    std::string_view description() const;
    // How many threads may work at once; 0 for as many as there are cores.
    std::uint32_t max_threads() const;
    ModuleNeeds needs() const;

    base::Result<std::unique_ptr<ModuleKey>> open(const std::string& locator,
                                                  const base::SecretEntry& secret,
                                                  KeyUse use) const;

    // Calls `take` for each item, whose views are valid only during the call. Item::id is 0.
    base::Result<void> list(ItemKind kind, const std::function<void(const Item&)>& take) const;
    // Makes the key that `message` describes. Gives its locator.
    base::Result<std::string> make_key(const MakeKey& message) const;

  private:
    explicit Module(const ::ecryptfs_pki_module& module) : module_(&module) {}

    const ::ecryptfs_pki_module* module_;
};

}  // namespace ecryptfs::pki
