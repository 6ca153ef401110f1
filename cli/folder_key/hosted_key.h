// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <string>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/folderkey/key_wrapping.h"
#include "lib/pki/client/key_location.h"
#include "lib/pki/client/module_host.h"
#include "lib/pki/host_process.h"
#include "lib/pki/public_key.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::cli {

using AskKeySecret = std::function<base::Result<base::SecretBytes>(const pki::KeyLocation&)>;

// A private key that is open in a PKI host of its own, until this object ends.
class HostedKey : public folderkey::PrivateKey {
  public:
    // Opens it without a secret, and if it needs one, once more with what `ask` gives; an empty
    // `ask`: nobody can be asked. The errors of pki::ModuleHost::open_key(), and of `ask`.
    static base::Result<HostedKey> open(const pki::HostPaths& paths, const pki::KeyLocation& key,
                                        const AskKeySecret& ask);
    HostedKey(HostedKey&& other) noexcept
        : host_(std::move(other.host_)), opened_(std::move(other.opened_)) {}
    HostedKey& operator=(HostedKey&&) = delete;
    HostedKey(const HostedKey&) = delete;
    HostedKey& operator=(const HostedKey&) = delete;
    ~HostedKey() override = default;

    const wire::KeySignature& signature() const { return opened_.signature; }
    const pki::PublicKey& public_key() const { return opened_.public_key; }
    const std::string& warning() const { return opened_.warning; }

    base::Result<base::SecretBytes> decrypt_oaep(pki::OaepDigest digest,
                                                 base::ByteView input) override;
    base::Result<base::SecretBytes> derive(base::ByteView peer) override;

  private:
    HostedKey(pki::ModuleHost host, pki::ModuleHost::OpenedKey opened)
        : host_(std::move(host)), opened_(std::move(opened)) {}

    pki::ModuleHost host_;
    pki::ModuleHost::OpenedKey opened_;
};

}  // namespace ecryptfs::cli
