// SPDX-License-Identifier: Apache-2.0

#define OPENSSL_SUPPRESS_DEPRECATED

#include "tests/contract/shim/pkcs11_shim.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <thread>
#include <vector>

namespace ecryptfs::shim {
namespace {

Faults faults;

// For processes of which only the environment can be set: ECRYPTFS_SHIM_CRASH names a file; each
// C_Decrypt that finds it there removes it and crashes; ECRYPTFS_SHIM_HANG likewise.
bool takes_file(const char* variable) {
    const char* name = std::getenv(variable);
    return name != nullptr && ::unlink(name) == 0;
}

CK_FUNCTION_LIST& softhsm() {
    static CK_FUNCTION_LIST* const functions = [] {
        void* object = ::dlopen(ECRYPTFS_SOFTHSM, RTLD_NOW | RTLD_LOCAL);
        if (object == nullptr) {
            std::abort();
        }
        const auto get =
            reinterpret_cast<CK_C_GetFunctionList>(::dlsym(object, "C_GetFunctionList"));
        CK_FUNCTION_LIST* list = nullptr;
        if (get == nullptr || get(&list) != CKR_OK) {
            std::abort();
        }
        return list;
    }();
    return *functions;
}

// Sessions, and which operation in them is not SoftHSM's.
std::mutex mutex;
std::shared_mutex in_use;  // SoftHSM does not bear a session that is closed while it is used

struct Operation {
    bool oaep_sha256 = false;  // which is done here
    bool confirm = false;      // wants the PIN for one use
};
std::map<CK_SESSION_HANDLE, Operation> sessions;

// Where the PIN for one use was given last; 0: no operation has it now.
std::atomic<CK_SESSION_HANDLE> confirmed = 0;

// What the card is asked for, for whomever.
void touch_card() {
    confirmed = 0;
}

bool wants_confirmation(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    const char* wanted = faults.confirm_each;
    if (wanted == nullptr) {
        return false;
    }
    std::vector<char> label(64);
    CK_ATTRIBUTE attribute{CKA_LABEL, label.data(), label.size()};
    return softhsm().C_GetAttributeValue(session, key, &attribute, 1) == CKR_OK &&
           std::string_view(label.data(), attribute.ulValueLen) == wanted;
}

Operation operation_in(CK_SESSION_HANDLE session) {
    const std::scoped_lock lock(mutex);
    const auto found = sessions.find(session);
    return found == sessions.end() ? Operation{} : found->second;
}

CK_SLOT_ID real_slot(CK_SLOT_ID slot) {
    return slot - faults.slot_offset;
}

// Notices that the token was taken out: its sessions are gone for good.
bool is_removed() {
    if (!faults.removed) {
        return false;
    }
    const std::scoped_lock lock(in_use, mutex);
    for (const auto& [session, ignored] : sessions) {
        softhsm().C_CloseSession(session);
    }
    sessions.clear();
    faults.sessions = 0;
    return true;
}

CK_RV initialize(void* arguments) {
    const auto result = softhsm().C_Initialize(arguments);
    return result == CKR_CRYPTOKI_ALREADY_INITIALIZED ? CKR_OK : result;
}

CK_RV finalize(void*) {
    return CKR_OK;
}

CK_RV get_slot_list(unsigned char present, CK_SLOT_ID* slots, unsigned long* count) {
    if (is_removed()) {
        *count = 0;
        return CKR_OK;
    }
    const auto result = softhsm().C_GetSlotList(present, slots, count);
    for (unsigned long i = 0; result == CKR_OK && slots != nullptr && i < *count; ++i) {
        slots[i] += faults.slot_offset;
    }
    return result;
}

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
    if (is_removed()) {
        return CKR_TOKEN_NOT_PRESENT;
    }
    ++faults.infos;
    const auto result = softhsm().C_GetTokenInfo(real_slot(slot), info);
    if (result == CKR_OK && std::memcmp(info->label, "shim ", 5) == 0) {
        touch_card();  // not for others that SoftHSM has
    }
    if (result == CKR_OK && faults.twins) {
        std::memcpy(info->label, "shim ", 5);
        std::memset(info->label + 5, ' ', sizeof info->label - 5);
        std::memset(info->serialNumber, '1', sizeof info->serialNumber);
    }
    if (result == CKR_OK) {
        info->flags |= faults.more_flags;
        info->flags |= faults.pad ? CKF_PROTECTED_AUTHENTICATION_PATH : 0;
    }
    return result;
}

CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE* types, unsigned long* count) {
    return is_removed() ? CKR_TOKEN_NOT_PRESENT
                        : softhsm().C_GetMechanismList(real_slot(slot), types, count);
}

CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO* info) {
    if ((type == CKM_RSA_PKCS_OAEP && faults.hide_oaep) ||
        (type == CKM_RSA_X_509 && faults.hide_raw) ||
        (type == CKM_ECDH1_DERIVE && faults.hide_ecdh)) {
        return CKR_MECHANISM_INVALID;
    }
    return is_removed() ? CKR_TOKEN_NOT_PRESENT
                        : softhsm().C_GetMechanismInfo(real_slot(slot), type, info);
}

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void* data, CK_NOTIFY notify,
                   CK_SESSION_HANDLE* session) {
    if (is_removed()) {
        return CKR_TOKEN_NOT_PRESENT;
    }
    touch_card();
    const std::scoped_lock lock(mutex);
    if (faults.most_sessions != 0 && faults.sessions >= faults.most_sessions) {
        return CKR_SESSION_COUNT;
    }
    const auto result = softhsm().C_OpenSession(real_slot(slot), flags, data, notify, session);
    if (result == CKR_OK) {
        sessions[*session] = {};
        ++faults.sessions;
    }
    return result;
}

CK_RV close_session(CK_SESSION_HANDLE session) {
    const std::scoped_lock lock(mutex);
    if (sessions.erase(session) == 0) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    --faults.sessions;
    return softhsm().C_CloseSession(session);
}

CK_RV get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO* info) {
    if (is_removed()) {
        return CKR_DEVICE_REMOVED;
    }
    const std::shared_lock using_it(in_use);
    return softhsm().C_GetSessionInfo(session, info);
}

CK_RV log_in(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char* pin, unsigned long size) {
    if (is_removed()) {
        return CKR_DEVICE_REMOVED;
    }
    const std::shared_lock using_it(in_use);
    ++faults.logins;
    touch_card();
    faults.more_flags |= faults.flags_after_login;
    if (const auto failure = faults.login_fails.load(); failure != CKR_OK) {
        return failure;
    }
    if (faults.refuse_pin) {
        return CKR_PIN_INCORRECT;
    }
    if (user == CKU_CONTEXT_SPECIFIC && operation_in(session).confirm) {
        confirmed = faults.disturb_once.exchange(false) ? 0 : session;
        for (int i = 0; i < 100; ++i) {
            std::this_thread::yield();  // let others come between if they can
        }
        return CKR_OK;
    }
    if (pin == nullptr && faults.pad) {
        const char* typed = faults.typed;
        if (typed == nullptr) {
            return CKR_FUNCTION_CANCELED;
        }
        std::vector<unsigned char> bytes(typed, typed + std::strlen(typed));
        return softhsm().C_Login(session, user, bytes.data(), bytes.size());
    }
    return softhsm().C_Login(session, user, pin, size);
}

CK_RV log_out(CK_SESSION_HANDLE session) {
    ++faults.logouts;
    faults.forgot_login = false;
    return is_removed() ? CKR_DEVICE_REMOVED : softhsm().C_Logout(session);
}

CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE* wanted, unsigned long count) {
    if (is_removed()) {
        return CKR_DEVICE_REMOVED;
    }
    const std::shared_lock using_it(in_use);
    touch_card();
    CK_OBJECT_CLASS none = CKO_HW_FEATURE;
    std::vector<CK_ATTRIBUTE> changed(wanted, wanted + count);
    for (auto& attribute : changed) {
        CK_OBJECT_CLASS type = 0;
        if (attribute.type == CKA_CLASS) {
            std::memcpy(&type, attribute.pValue, sizeof type);
        }
        if (attribute.type == CKA_CLASS && type == CKO_PUBLIC_KEY && faults.hide_public) {
            attribute.pValue = &none;
        }
    }
    return softhsm().C_FindObjectsInit(session, changed.data(), count);
}

CK_RV get_point_without_head(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                             CK_ATTRIBUTE& wanted) {
    constexpr std::size_t kHead = 2;
    std::array<unsigned char, 256> whole{};
    CK_ATTRIBUTE point{CKA_EC_POINT, whole.data(), whole.size()};
    const auto result = softhsm().C_GetAttributeValue(session, object, &point, 1);
    if (result == CKR_OK) {
        wanted.ulValueLen = point.ulValueLen - kHead;
        if (wanted.pValue != nullptr) {
            std::memcpy(wanted.pValue, whole.data() + kHead, wanted.ulValueLen);
        }
    }
    return result;
}

CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* wanted,
                          unsigned long count) {
    const std::shared_lock using_it(in_use);
    touch_card();
    if (wanted->type == CKA_DECRYPT && wanted->pValue != nullptr && faults.only_signs) {
        *static_cast<CK_BBOOL*>(wanted->pValue) = CK_FALSE;
        return CKR_OK;
    }
    if (wanted->type == CKA_ALWAYS_AUTHENTICATE && wanted->pValue != nullptr &&
        wants_confirmation(session, object)) {
        *static_cast<CK_BBOOL*>(wanted->pValue) = CK_TRUE;
        wanted->ulValueLen = sizeof(CK_BBOOL);
        return CKR_OK;
    }
    CK_OBJECT_CLASS type = 0;
    CK_ATTRIBUTE object_class{CKA_CLASS, &type, sizeof type};
    if (faults.hide_numbers && wanted->type == CKA_MODULUS &&
        softhsm().C_GetAttributeValue(session, object, &object_class, 1) == CKR_OK &&
        type == CKO_PRIVATE_KEY) {
        wanted->ulValueLen = static_cast<unsigned long>(-1);
        return CKR_ATTRIBUTE_SENSITIVE;
    }
    if (faults.keep_point_raw && count == 1 && wanted->type == CKA_EC_POINT) {
        return get_point_without_head(session, object, *wanted);
    }
    return softhsm().C_GetAttributeValue(session, object, wanted, count);
}

// What a fault has C_DecryptInit say of a mechanism.
CK_RV objection(const CK_MECHANISM& mechanism, bool sha256) {
    if (mechanism.mechanism == CKM_RSA_PKCS_OAEP) {
        if (faults.oaep_fails != CKR_OK) {
            return faults.oaep_fails;
        }
        if (faults.refuse_oaep) {
            return CKR_MECHANISM_INVALID;
        }
        if (faults.refuse_oaep_sha1 && !sha256) {
            return CKR_MECHANISM_PARAM_INVALID;
        }
    }
    const bool refused = (mechanism.mechanism == CKM_RSA_X_509 && faults.refuse_raw) ||
                         (mechanism.mechanism == CKM_RSA_PKCS && faults.refuse_pkcs1);
    return refused ? CKR_MECHANISM_INVALID : CKR_OK;
}

CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    static std::atomic<unsigned> calls = 0;
    if (is_removed()) {
        return CKR_DEVICE_REMOVED;
    }
    const std::shared_lock using_it(in_use);
    if (faults.deny_always || faults.deny_once.exchange(false) ||
        (faults.deny_every != 0 && ++calls % faults.deny_every == 0)) {
        return CKR_USER_NOT_LOGGED_IN;
    }
    touch_card();
    if (faults.stay_active.exchange(false)) {
        return CKR_OPERATION_ACTIVE;
    }
    const bool sha256 =
        mechanism->mechanism == CKM_RSA_PKCS_OAEP &&
        static_cast<CK_RSA_PKCS_OAEP_PARAMS*>(mechanism->pParameter)->hashAlg == CKM_SHA256;
    if (const auto result = objection(*mechanism, sha256); result != CKR_OK) {
        return result;
    }
    CK_MECHANISM raw = {CKM_RSA_X_509, nullptr, 0};
    const bool ours = sha256 && faults.offer_oaep_sha256;
    const bool confirm = wants_confirmation(session, key);
    {
        const std::scoped_lock lock(mutex);
        if (const auto found = sessions.find(session); found != sessions.end()) {
            found->second = {ours, confirm};
        }
    }
    return softhsm().C_DecryptInit(session, ours ? &raw : mechanism, key);
}

bool is_forgotten() {
    return faults.forgets_after_use ? faults.forgot_login.exchange(true)
                                    : faults.forgot_login.load();
}

CK_RV decrypt(CK_SESSION_HANDLE session, unsigned char* in, unsigned long in_size,
              unsigned char* out, unsigned long* out_size) {
    if (is_removed()) {
        return CKR_DEVICE_REMOVED;
    }
    const std::shared_lock using_it(in_use);
    ++faults.decryptions;
    if (takes_file("ECRYPTFS_SHIM_CRASH")) {
        std::abort();
    }
    while (takes_file("ECRYPTFS_SHIM_HANG")) {
        ::pause();
    }
    if (faults.too_small) {
        return CKR_BUFFER_TOO_SMALL;
    }
    const unsigned long room = *out_size;
    auto result = softhsm().C_Decrypt(session, in, in_size, out, out_size);
    const auto operation = operation_in(session);
    if (is_forgotten() || (confirmed.exchange(0) != session && operation.confirm)) {
        faults.denials += operation.confirm ? 1 : 0;
        return CKR_USER_NOT_LOGGED_IN;
    }
    if (result == CKR_OK && operation.oaep_sha256) {
        const std::vector<unsigned char> block(out, out + *out_size);
        const int size = RSA_padding_check_PKCS1_OAEP_mgf1(
            out, static_cast<int>(room), block.data(), static_cast<int>(block.size()),
            static_cast<int>(in_size), nullptr, 0, EVP_sha256(), EVP_sha256());
        *out_size = size < 0 ? 0 : static_cast<unsigned long>(size);
        result = size < 0 ? CKR_ENCRYPTED_DATA_INVALID : CKR_OK;
    }
    if (faults.count_wrong) {
        *out_size = 1000000;
    }
    return result;
}

CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key,
                 CK_ATTRIBUTE* wanted, unsigned long count, CK_OBJECT_HANDLE* object) {
    if (is_removed()) {
        return CKR_DEVICE_REMOVED;
    }
    const std::shared_lock using_it(in_use);
    ++faults.derivations;
    if (faults.deny_once.exchange(false)) {
        return CKR_USER_NOT_LOGGED_IN;
    }
    const auto& point = *static_cast<CK_ECDH1_DERIVE_PARAMS*>(mechanism->pParameter);
    const bool is_plain = point.ulPublicDataLen % 4 == 1;  // 65 or 97 bytes; or two more
    if (is_plain ? faults.refuse_plain_points : faults.refuse_der_points) {
        return CKR_MECHANISM_PARAM_INVALID;
    }
    const auto result = softhsm().C_DeriveKey(session, mechanism, key, wanted, count, object);
    faults.derived_objects += result == CKR_OK ? 1 : 0;
    return result;
}

CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    const auto result = softhsm().C_DestroyObject(session, object);
    faults.derived_objects -= result == CKR_OK ? 1 : 0;
    return result;
}

CK_FUNCTION_LIST& list() {
    static CK_FUNCTION_LIST* const functions = [] {
        auto* own = new CK_FUNCTION_LIST(softhsm());
        own->C_Initialize = initialize;
        own->C_Finalize = finalize;
        own->C_GetSlotList = get_slot_list;
        own->C_GetTokenInfo = get_token_info;
        own->C_GetMechanismList = get_mechanism_list;
        own->C_GetMechanismInfo = get_mechanism_info;
        own->C_OpenSession = open_session;
        own->C_CloseSession = close_session;
        own->C_GetSessionInfo = get_session_info;
        own->C_Login = log_in;
        own->C_Logout = log_out;
        own->C_FindObjectsInit = find_objects_init;
        own->C_GetAttributeValue = get_attribute_value;
        own->C_DeriveKey = derive_key;
        own->C_DestroyObject = destroy_object;
        own->C_DecryptInit = decrypt_init;
        own->C_Decrypt = decrypt;
        return own;
    }();
    return *functions;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) Faults* ecryptfs_shim_faults() {
    return &faults;
}

extern "C" __attribute__((visibility("default"))) void ecryptfs_shim_log_out() {
    const std::scoped_lock lock(in_use, mutex);
    for (const auto& [session, ignored] : sessions) {
        softhsm().C_Logout(session);
    }
}

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** to) {
    *to = &list();
    return CKR_OK;
}

}  // namespace ecryptfs::shim
