// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/pki/client/key_location.h"
#include "lib/pki/client/module_host.h"
#include "lib/pki/host_process.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::lowerfs {

// Private keys that decrypt the file keys of Tag 1 packets.
class PrivateKeys {
  public:
    PrivateKeys() = default;
    PrivateKeys(const PrivateKeys&) = delete;
    PrivateKeys& operator=(const PrivateKeys&) = delete;
    virtual ~PrivateKeys() = default;

    virtual bool contains(const wire::KeySignature& signature) const = 0;
    // Gives cipher code, FEK and checksum. contains() must be true of the signature.
    virtual base::Result<base::SecretBytes> decrypt(const wire::KeySignature& signature,
                                                    base::ByteView encrypted_fek) = 0;
};

// Keys that this process has opened in PKI hosts of its own. Needs no agent. One call at a time.
class HostedPrivateKeys : public PrivateKeys {
  public:
    explicit HostedPrivateKeys(pki::HostPaths paths) : paths_(std::move(paths)) {}

    // Opens a key: see pki::ModuleHost::open_key().
    base::Result<pki::ModuleHost::OpenedKey> open(const pki::KeyLocation& key,
                                                  const base::SecretEntry& secret);

    bool contains(const wire::KeySignature& signature) const override {
        return keys_.contains(signature);
    }
    base::Result<base::SecretBytes> decrypt(const wire::KeySignature& signature,
                                            base::ByteView encrypted_fek) override;

  private:
    struct Key {
        pki::ModuleHost* host;
        std::uint64_t number;  // in that host
    };

    base::Result<pki::ModuleHost*> find_or_start_host(const pki::KeyLocation& key);

    pki::HostPaths paths_;
    // By module and pki::code_selection(): no library sees the secrets of another's keys.
    std::map<std::pair<std::string, std::string>, std::unique_ptr<pki::ModuleHost>> hosts_;
    std::map<wire::KeySignature, Key> keys_;
    std::uint64_t last_number_ = 0;
};

}  // namespace ecryptfs::lowerfs
