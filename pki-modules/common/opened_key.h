// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "ecryptfs_pki_module.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/curve_key.h"

namespace ecryptfs::module {

// An open key of a module: the calls of the ABI, whose arguments KeyFunctions has checked. Those
// that give a size have written as many bytes into `room`. Any thread.
class OpenedKey {
  public:
    OpenedKey() = default;
    virtual ~OpenedKey() = default;
    OpenedKey(const OpenedKey&) = delete;
    OpenedKey& operator=(const OpenedKey&) = delete;
    OpenedKey(OpenedKey&&) = delete;
    OpenedKey& operator=(OpenedKey&&) = delete;

    virtual bool has_private_half() const = 0;
    virtual void describe(ecryptfs_pki_description& to) const = 0;

    // Checks its sizes itself, as each key knows its own.
    virtual base::Result<std::size_t> encrypt(base::ByteView file_key, base::ByteSpan room) = 0;

    // Called only with a private half. The room is ECRYPTFS_PKI_MAX_FILE_KEY.
    virtual base::Result<std::size_t> decrypt(base::ByteView wrapped, base::ByteSpan room) = 0;
    // Likewise; the room is ECRYPTFS_PKI_MAX_WRAPPED_KEY.
    virtual base::Result<std::size_t> decrypt_oaep(ecryptfs_pki_oaep_hash hash,
                                                   base::ByteView wrapped, base::ByteSpan room) = 0;
    // Likewise; the room is ECRYPTFS_PKI_MAX_SHARED.
    virtual base::Result<std::size_t> derive(base::ByteView peer, base::ByteSpan room) = 0;
};

// An RSA key: the sizes of what is wrapped, and what only keys of a curve do.
class OpenedRsaKey : public OpenedKey {
  public:
    base::Result<std::size_t> decrypt(base::ByteView wrapped, base::ByteSpan room) final;
    base::Result<std::size_t> decrypt_oaep(ecryptfs_pki_oaep_hash hash, base::ByteView wrapped,
                                           base::ByteSpan room) final;
    base::Result<std::size_t> derive(base::ByteView peer, base::ByteSpan room) final;

  private:
    virtual std::size_t modulus_size() const = 0;
    // `wrapped` has the modulus's size.
    virtual base::Result<std::size_t> unwrap_file_key(base::ByteView wrapped,
                                                      base::ByteSpan room) = 0;
    // Likewise. Not supported, unless a module does it.
    virtual base::Result<std::size_t> unwrap_content_key(ecryptfs_pki_oaep_hash hash,
                                                         base::ByteView wrapped,
                                                         base::ByteSpan room);
};

// A key of a curve: its public half, and what only RSA keys do.
class OpenedCurveKey : public OpenedKey {
  public:
    // `warning`: as in ecryptfs_pki_description; may be empty.
    OpenedCurveKey(CurvePoint public_half, std::string warning)
        : public_half_(std::move(public_half)), warning_(std::move(warning)) {}

    void describe(ecryptfs_pki_description& to) const override {
        describe_curve_key(to, public_half_, warning_);
    }
    base::Result<std::size_t> encrypt(base::ByteView file_key, base::ByteSpan room) final;
    base::Result<std::size_t> decrypt(base::ByteView wrapped, base::ByteSpan room) final;
    base::Result<std::size_t> decrypt_oaep(ecryptfs_pki_oaep_hash hash, base::ByteView wrapped,
                                           base::ByteSpan room) final;

  protected:
    const CurvePoint& public_half() const { return public_half_; }

  private:
    CurvePoint public_half_;
    std::string warning_;
};

}  // namespace ecryptfs::module
