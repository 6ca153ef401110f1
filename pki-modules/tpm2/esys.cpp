// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/esys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "pki-modules/common/library_file.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/tpm2/locator.h"
#include "pki-modules/tpm2/tpm_error.h"

namespace ecryptfs::tpm2_module {
namespace {

using base::Error;
using base::ErrorCode;

constexpr std::string_view kDevice = "device:";

// Why this user cannot reach the TPM. tpm2-tss only says "IO failure".
Error explain(const std::string& tcti, std::uint32_t code) {
    if (tcti.starts_with(kDevice)) {
        const std::string path = tcti.substr(kDevice.size());
        const bool denied = ::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0;
        if (denied && (errno == ENOENT || errno == ENOTDIR)) {
            return {ErrorCode::kNotFound, fmt::format("there is no TPM at {}", module::shown(path)),
                    "switch the TPM on in the firmware's set-up, if the machine has one"};
        }
        if (denied) {
            return base::system_error(ErrorCode::kAccessDenied, module::shown(path), errno,
                                      "become a member of the group tss: sudo usermod --append "
                                      "--groups tss $(id -un); then log in anew");
        }
    }
    if ((tcti_needs(tcti) & ~tcti_needs(default_tcti())) != 0) {
        return {ErrorCode::kNotFound,
                fmt::format("this process may not reach a TPM at {}", module::shown(tcti)),
                "set the environment variable ECRYPTFS_TPM2_TCTI to one of that kind"};
    }
    return {ErrorCode::kNotFound,
            fmt::format("no TPM answers at {} (0x{:x})", module::shown(tcti), code),
            "check that the TPM or simulator runs, and that no other program keeps it to itself"};
}

// Checks the library of a TCTI whose name, before the colon, is a path. Also checks the TCTI that
// "pcap" records, which stands after its colon.
std::string with_checked_library(const std::string& tcti) {
    const auto colon = std::min(tcti.find(':'), tcti.size());
    std::string name = tcti.substr(0, colon);
    std::string rest = tcti.substr(colon);
    if (name.contains("pcap") && rest.size() > 1) {
        rest = ":" + with_checked_library(rest.substr(1));
    }
    if (name.contains('/')) {
        auto library = module::check_library(name);
        if (!library) {
            throw TpmFailure(std::move(library.error()), TpmError::kUnreachable);
        }
        if (const auto allowed = module::check_consent(*library); !allowed) {
            throw TpmFailure(allowed.error(), TpmError::kUnreachable);
        }
        name = std::move(library->path);
    }
    return name + rest;
}

}  // namespace

void free_esys(void* object) noexcept {
    ::Esys_Free(object);
}

void close_tcti(TSS2_TCTI_OPAQUE_CONTEXT_BLOB* tcti) noexcept {
    ::Tss2_TctiLdr_Finalize(&tcti);
}

void close_esys(ESYS_CONTEXT* context) noexcept {
    ::Esys_Finalize(&context);
}

Esys::Esys(const std::string& tcti) : name_(tcti) {
    TSS2_TCTI_CONTEXT* connection = nullptr;
    const auto checked = with_checked_library(tcti);
    if (const auto code = ::Tss2_TctiLdr_Initialize(checked.c_str(), &connection)) {
        throw TpmFailure(explain(tcti, code), TpmError::kUnreachable);
    }
    tcti_.reset(connection);
    ESYS_CONTEXT* context = nullptr;
    if (const auto code = ::Esys_Initialize(&context, connection, nullptr)) {
        throw TpmFailure(explain(tcti, code), TpmError::kUnreachable);
    }
    context_.reset(context);
}

void Esys::wipe_answer() noexcept {
    TSS2_SYS_CONTEXT* buffer = nullptr;
    if (::Esys_GetSysContext(context_.get(), &buffer) != TSS2_RC_SUCCESS) {
        return;
    }
    // Writes a command of zeros into that buffer, and never sends it.
    TPM2B_PUBLIC_KEY_RSA zeros = {};
    zeros.size = sizeof zeros.buffer;
    TPMT_RSA_DECRYPT scheme = {};
    scheme.scheme = TPM2_ALG_NULL;
    TPM2B_DATA label = {};
    label.size = sizeof label.buffer;
    static_cast<void>(
        ::Tss2_Sys_RSA_Decrypt_Prepare(buffer, TPM2_TRANSIENT_FIRST, &zeros, &scheme, &label));
}

void Esys::wipe_sensitive() noexcept {
    // A call without a parent fails, but first overwrites what the last call left.
    TPM2B_SENSITIVE_CREATE zeros = {};
    zeros.sensitive.userAuth.size = sizeof zeros.sensitive.userAuth.buffer;
    const TPM2B_PUBLIC area = {};
    const TPM2B_DATA outside = {};
    const TPML_PCR_SELECTION pcrs = {};
    static_cast<void>(::Esys_Create(context_.get(), ESYS_TR_NONE, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                    ESYS_TR_NONE, &zeros, &area, &outside, &pcrs, nullptr, nullptr,
                                    nullptr, nullptr, nullptr));
}

TpmObject& TpmObject::operator=(TpmObject&& other) noexcept {
    release();
    context_ = std::exchange(other.context_, nullptr);
    object_ = other.object_;
    kind_ = other.kind_;
    return *this;
}

void TpmObject::release() noexcept {
    if (context_ == nullptr) {
        return;
    }
    const bool flushed =
        kind_ == Kind::kTransient && ::Esys_FlushContext(context_, object_) == TSS2_RC_SUCCESS;
    if (!flushed) {
        ::Esys_TR_Close(context_, &object_);
    }
    context_ = nullptr;
}

}  // namespace ecryptfs::tpm2_module
