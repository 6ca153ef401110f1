// SPDX-License-Identifier: Apache-2.0

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include <array>
#include <stdexcept>

#include "lib/base/handle.h"
#include "tests/bench/side.h"
#include "tests/bench/threads.h"
#include "tests/contract/rsa_keys.h"

namespace ecryptfs::bench {
namespace {

constexpr std::size_t kFileKeySize = 35;  // cipher code, 32 bytes, checksum

void require(bool holds, const char* what) {
    if (!holds) {
        throw std::runtime_error(std::string("benchmark: ") + what);
    }
}

using EvpContext = base::Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

class RawOpenssl : public Side {
  public:
    explicit RawOpenssl(const std::string& path)
        : key_(contract::read_private_key(path, "")),
          wrapped_(
              contract::wrap_by_oaep(*key_, "SHA1", std::array<std::uint8_t, kFileKeySize>{})) {}

    // Of one thread, while this lives.
    auto operation() const {
        EvpContext context(EVP_PKEY_CTX_new(key_.get(), nullptr));
        require(EVP_PKEY_decrypt_init(context.get()) > 0 &&
                    EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) > 0,
                "OpenSSL");
        return [this, context = std::move(context)] {
            std::array<std::uint8_t, 256> out{};
            std::size_t size = out.size();
            require(EVP_PKEY_decrypt(context.get(), out.data(), &size, wrapped_.data(),
                                     wrapped_.size()) > 0 &&
                        size == kFileKeySize,
                    "EVP_PKEY_decrypt");
        };
    }

    double rate(Seconds time) override {
        return rate_of_threads(std::thread::hardware_concurrency(), time,
                               [this] { return operation(); });
    }

  private:
    contract::Pkey key_;
    std::vector<std::uint8_t> wrapped_;
};

class RawSoftHsm : public Side {
  public:
    RawSoftHsm(const std::string& label, const std::string& pin) : label_(label) {
        void* library = ::dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
        require(library != nullptr, "SoftHSM");
        const auto get =
            reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
        require(get(&p11_) == CKR_OK, "C_GetFunctionList");
        CK_C_INITIALIZE_ARGS arguments{};
        arguments.flags = CKF_OS_LOCKING_OK;
        require(p11_->C_Initialize(&arguments) == CKR_OK, "C_Initialize");
        std::array<CK_SLOT_ID, 8> slots{};
        CK_ULONG count = slots.size();
        require(p11_->C_GetSlotList(CK_TRUE, slots.data(), &count) == CKR_OK, "C_GetSlotList");
        for (CK_ULONG i = 0; i < count; ++i) {
            slot_ = slots.at(i);
            session_ = open_session();
            if (find(session_, CKO_PUBLIC_KEY) != CK_INVALID_HANDLE) {
                break;
            }
        }
        require(p11_->C_Login(session_, CKU_USER,
                              reinterpret_cast<CK_UTF8CHAR_PTR>(const_cast<char*>(pin.data())),
                              pin.size()) == CKR_OK,
                "C_Login");
        wrap();
    }

    double rate(Seconds time) override {
        return rate_of_threads(std::thread::hardware_concurrency(), time, [this] {
            const auto session = open_session();
            const auto key = find(session, CKO_PRIVATE_KEY);
            return [this, session, key] {
                std::array<CK_BYTE, 256> out{};
                CK_ULONG size = out.size();
                auto mechanism = oaep();
                require(p11_->C_DecryptInit(session, &mechanism, key) == CKR_OK &&
                            p11_->C_Decrypt(session, wrapped_.data(), wrapped_.size(), out.data(),
                                            &size) == CKR_OK &&
                            size == kFileKeySize,
                        "C_Decrypt");
            };
        });
    }

  private:
    CK_SESSION_HANDLE open_session() const {
        CK_SESSION_HANDLE session = 0;
        require(
            p11_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session) == CKR_OK,
            "C_OpenSession");
        return session;
    }

    CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session, CK_OBJECT_CLASS kind) const {
        std::array<CK_ATTRIBUTE, 2> wanted = {
            {{CKA_CLASS, &kind, sizeof(kind)},
             {CKA_LABEL, const_cast<char*>(label_.data()), label_.size()}}};
        CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
        CK_ULONG count = 0;
        require(p11_->C_FindObjectsInit(session, wanted.data(), wanted.size()) == CKR_OK &&
                    p11_->C_FindObjects(session, &object, 1, &count) == CKR_OK &&
                    p11_->C_FindObjectsFinal(session) == CKR_OK,
                "C_FindObjects");
        return count == 1 ? object : CK_INVALID_HANDLE;
    }

    CK_MECHANISM oaep() const {
        return {CKM_RSA_PKCS_OAEP, const_cast<CK_RSA_PKCS_OAEP_PARAMS*>(&parameters_),
                sizeof(parameters_)};
    }

    void wrap() {
        std::array<CK_BYTE, kFileKeySize> file_key{};
        CK_ULONG size = wrapped_.size();
        auto mechanism = oaep();
        require(
            p11_->C_EncryptInit(session_, &mechanism, find(session_, CKO_PUBLIC_KEY)) == CKR_OK &&
                p11_->C_Encrypt(session_, file_key.data(), file_key.size(), wrapped_.data(),
                                &size) == CKR_OK,
            "C_Encrypt");
    }

    std::string label_;
    CK_FUNCTION_LIST* p11_ = nullptr;
    CK_SLOT_ID slot_ = 0;
    CK_SESSION_HANDLE session_ = 0;
    CK_RSA_PKCS_OAEP_PARAMS parameters_{CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, nullptr, 0};
    std::array<CK_BYTE, 256> wrapped_{};
};

class RawTpm : public Side {
  public:
    explicit RawTpm(const std::string& tcti) {
        require(::Tss2_TctiLdr_Initialize(tcti.c_str(), &tcti_) == TSS2_RC_SUCCESS &&
                    ::Esys_Initialize(&esys_, tcti_, nullptr) == TSS2_RC_SUCCESS,
                "TPM");
        make_key();
        start_session();
        TPM2B_PUBLIC_KEY_RSA plain{};
        plain.size = kFileKeySize;
        const TPMT_RSA_DECRYPT scheme{TPM2_ALG_NULL, {}};
        require(::Esys_RSA_Encrypt(esys_, key_, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &plain,
                                   &scheme, nullptr, &wrapped_) == TSS2_RC_SUCCESS,
                "RSA_Encrypt");
    }
    ~RawTpm() override {
        ::Esys_Free(wrapped_);
        ::Esys_FlushContext(esys_, key_);
        ::Esys_FlushContext(esys_, session_);
        ::Esys_Finalize(&esys_);
        ::Tss2_TctiLdr_Finalize(&tcti_);
    }

    double rate(Seconds time) override {
        return rate_of_threads(1, time, [this] {
            return [this] {
                const TPMT_RSA_DECRYPT scheme{TPM2_ALG_NULL, {}};
                TPM2B_PUBLIC_KEY_RSA* plain = nullptr;
                require(::Esys_RSA_Decrypt(esys_, key_, session_, ESYS_TR_NONE, ESYS_TR_NONE,
                                           wrapped_, &scheme, nullptr, &plain) == TSS2_RC_SUCCESS,
                        "RSA_Decrypt");
                ::Esys_Free(plain);
            };
        });
    }

  private:
    static TPM2B_PUBLIC rsa_area(TPMA_OBJECT attributes) {
        TPM2B_PUBLIC area{};
        area.publicArea.type = TPM2_ALG_RSA;
        area.publicArea.nameAlg = TPM2_ALG_SHA256;
        area.publicArea.objectAttributes =
            attributes | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_FIXEDTPM |
            TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN;
        auto& rsa = area.publicArea.parameters.rsaDetail;
        rsa.symmetric.algorithm = TPM2_ALG_NULL;
        rsa.scheme.scheme = TPM2_ALG_NULL;
        rsa.keyBits = 2048;
        return area;
    }

    // A key below a parent, as those in files are.
    void make_key() {
        auto parent_area = rsa_area(TPMA_OBJECT_RESTRICTED);
        auto& symmetric = parent_area.publicArea.parameters.rsaDetail.symmetric;
        symmetric.algorithm = TPM2_ALG_AES;
        symmetric.keyBits.aes = 128;
        symmetric.mode.aes = TPM2_ALG_CFB;
        auto area = rsa_area(0);
        auto& scheme = area.publicArea.parameters.rsaDetail.scheme;
        scheme.scheme = TPM2_ALG_OAEP;
        scheme.details.oaep.hashAlg = TPM2_ALG_SHA256;
        const TPM2B_SENSITIVE_CREATE sensitive{};
        const TPM2B_DATA outside{};
        const TPML_PCR_SELECTION pcrs{};
        ESYS_TR parent = ESYS_TR_NONE;
        TPM2B_PRIVATE* private_area = nullptr;
        TPM2B_PUBLIC* public_area = nullptr;
        require(
            ::Esys_CreatePrimary(esys_, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                 ESYS_TR_NONE, &sensitive, &parent_area, &outside, &pcrs, &parent,
                                 nullptr, nullptr, nullptr, nullptr) == TSS2_RC_SUCCESS,
            "CreatePrimary");
        require(::Esys_Create(esys_, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                              &sensitive, &area, &outside, &pcrs, &private_area, &public_area,
                              nullptr, nullptr, nullptr) == TSS2_RC_SUCCESS,
                "Create");
        require(::Esys_Load(esys_, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                            private_area, public_area, &key_) == TSS2_RC_SUCCESS,
                "Load");
        ::Esys_Free(private_area);
        ::Esys_Free(public_area);
        ::Esys_FlushContext(esys_, parent);
    }

    // Without it the file key would go over the wires in the clear.
    void start_session() {
        TPMT_SYM_DEF cipher{};
        cipher.algorithm = TPM2_ALG_AES;
        cipher.keyBits.aes = 128;
        cipher.mode.aes = TPM2_ALG_CFB;
        require(::Esys_StartAuthSession(esys_, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                        ESYS_TR_NONE, ESYS_TR_NONE, nullptr, TPM2_SE_HMAC, &cipher,
                                        TPM2_ALG_SHA256, &session_) == TSS2_RC_SUCCESS,
                "StartAuthSession");
        constexpr TPMA_SESSION kAttributes = TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_ENCRYPT;
        require(::Esys_TRSess_SetAttributes(esys_, session_, kAttributes, kAttributes) ==
                    TSS2_RC_SUCCESS,
                "TRSess_SetAttributes");
    }

    TSS2_TCTI_CONTEXT* tcti_ = nullptr;
    ESYS_CONTEXT* esys_ = nullptr;
    ESYS_TR key_ = ESYS_TR_NONE;
    ESYS_TR session_ = ESYS_TR_NONE;
    TPM2B_PUBLIC_KEY_RSA* wrapped_ = nullptr;
};

}  // namespace

std::unique_ptr<Side> raw_openssl(const std::string& path) {
    return std::make_unique<RawOpenssl>(path);
}

std::function<void()> raw_openssl_operation(const std::string& path) {
    const auto side = std::make_shared<RawOpenssl>(path);
    const auto operation = std::make_shared<decltype(side->operation())>(side->operation());
    return [side, operation] { (*operation)(); };
}

std::unique_ptr<Side> raw_softhsm(const std::string& label, const std::string& pin) {
    return std::make_unique<RawSoftHsm>(label, pin);
}

std::unique_ptr<Side> raw_tpm(const std::string& tcti) {
    return std::make_unique<RawTpm>(tcti);
}

}  // namespace ecryptfs::bench
