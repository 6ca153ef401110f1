// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <string>

#include "lib/base/handle.h"

struct ESYS_CONTEXT;
struct TSS2_TCTI_OPAQUE_CONTEXT_BLOB;

namespace ecryptfs::tpm2_module {

void free_esys(void* object) noexcept;
void close_tcti(TSS2_TCTI_OPAQUE_CONTEXT_BLOB* tcti) noexcept;
void close_esys(ESYS_CONTEXT* context) noexcept;

// Memory that ESYS allocated.
template <typename T>
using EsysPtr = base::Handle<T, free_esys>;

// A connection to a TPM. One thread at a time.
class Esys {
  public:
    // `tcti` as Tss2_TctiLdr_Initialize() takes it. Throws TpmFailure of kUnreachable. Its error is
    // kNotFound or kAccessDenied.
    explicit Esys(const std::string& tcti);

    ESYS_CONTEXT* get() const { return context_.get(); }
    // By which it was reached.
    const std::string& tcti() const { return name_; }

    // Overwrites the last answer, which ESYS keeps, decrypted, in a buffer of its own.
    void wipe_answer() noexcept;
    // Overwrites what Esys_Create() was given, which holds a PIN.
    void wipe_sensitive() noexcept;

  private:
    std::string name_;
    base::Handle<TSS2_TCTI_OPAQUE_CONTEXT_BLOB, close_tcti> tcti_;
    base::Handle<ESYS_CONTEXT, close_esys> context_;
};

// An object in the TPM. A transient key or a session is flushed with this; a persistent key stays.
// Borrows the connection.
class TpmObject {
  public:
    enum class Kind { kTransient, kPersistent };

    TpmObject() = default;
    TpmObject(const Esys& esys, std::uint32_t object, Kind kind = Kind::kTransient)
        : context_(esys.get()), object_(object), kind_(kind) {}
    TpmObject(TpmObject&& other) noexcept { *this = std::move(other); }
    TpmObject& operator=(TpmObject&& other) noexcept;
    TpmObject(const TpmObject&) = delete;
    TpmObject& operator=(const TpmObject&) = delete;
    ~TpmObject() { release(); }

    explicit operator bool() const { return context_ != nullptr; }
    std::uint32_t get() const { return object_; }  // ESYS_TR
    Kind kind() const { return kind_; }

  private:
    void release() noexcept;

    ESYS_CONTEXT* context_ = nullptr;
    std::uint32_t object_ = 0;
    Kind kind_ = Kind::kTransient;
};

}  // namespace ecryptfs::tpm2_module
