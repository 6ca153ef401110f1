// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/pki/client/key_location.h"
#include "lib/pki/client/module_host.h"
#include "lib/pki/host_process.h"
#include "lib/pki/host_protocol.h"
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

// The public halves of private keys: they encrypt file keys for Tag 1 packets.
class PublicKeys {
  public:
    PublicKeys() = default;
    PublicKeys(const PublicKeys&) = delete;
    PublicKeys& operator=(const PublicKeys&) = delete;
    virtual ~PublicKeys() = default;

    // Encrypts cipher code, FEK and checksum for a key that is there.
    virtual base::Result<std::vector<std::uint8_t>> encrypt(const wire::KeySignature& signature,
                                                            base::ByteView file_key) = 0;
};

// Keys that this process has opened in PKI hosts of its own. Needs no agent. One call at a time.
class HostedKeys {
  public:
    HostedKeys(pki::HostPaths paths, pki::KeyUse use) : paths_(std::move(paths)), use_(use) {}

    struct Key {
        pki::ModuleHost* host;
        std::uint64_t number;  // in that host
    };

    // Opens a key: see pki::ModuleHost::open_key().
    base::Result<pki::ModuleHost::OpenedKey> open(const pki::KeyLocation& key,
                                                  const base::SecretEntry& secret);
    bool contains(const wire::KeySignature& signature) const { return keys_.contains(signature); }
    const Key& at(const wire::KeySignature& signature) const { return keys_.at(signature); }

  private:
    base::Result<pki::ModuleHost*> find_or_start_host(const pki::KeyLocation& key);

    pki::HostPaths paths_;
    pki::KeyUse use_;
    // By module and pki::code_selection(): no library sees the secrets of another's keys.
    std::map<std::pair<std::string, std::string>, std::unique_ptr<pki::ModuleHost>> hosts_;
    std::map<wire::KeySignature, Key> keys_;
    std::uint64_t last_number_ = 0;
};

class HostedPrivateKeys : public PrivateKeys {
  public:
    explicit HostedPrivateKeys(pki::HostPaths paths)
        : keys_(std::move(paths), pki::KeyUse::kPrivate) {}

    base::Result<pki::ModuleHost::OpenedKey> open(const pki::KeyLocation& key,
                                                  const base::SecretEntry& secret) {
        return keys_.open(key, secret);
    }
    bool contains(const wire::KeySignature& signature) const override {
        return keys_.contains(signature);
    }
    base::Result<base::SecretBytes> decrypt(const wire::KeySignature& signature,
                                            base::ByteView encrypted_fek) override {
        const auto& key = keys_.at(signature);
        return key.host->decrypt(key.number, encrypted_fek);
    }

  private:
    HostedKeys keys_;
};

class HostedPublicKeys : public PublicKeys {
  public:
    explicit HostedPublicKeys(pki::HostPaths paths)
        : keys_(std::move(paths), pki::KeyUse::kPublic) {}

    base::Result<pki::ModuleHost::OpenedKey> open(const pki::KeyLocation& key,
                                                  const base::SecretEntry& secret) {
        return keys_.open(key, secret);
    }
    base::Result<std::vector<std::uint8_t>> encrypt(const wire::KeySignature& signature,
                                                    base::ByteView file_key) override {
        const auto& key = keys_.at(signature);
        return key.host->encrypt(key.number, file_key);
    }

  private:
    HostedKeys keys_;
};

}  // namespace ecryptfs::lowerfs
