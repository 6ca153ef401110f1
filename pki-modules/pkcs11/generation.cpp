// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/generation.h"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "lib/base/try.h"
#include "pki-modules/common/module_functions.h"
#include "pki-modules/common/new_key_curve.h"
#include "pki-modules/common/openssl_error.h"
#include "pki-modules/pkcs11/key_uri.h"
#include "pki-modules/pkcs11/objects.h"
#include "pki-modules/pkcs11/open_key.h"
#include "pki-modules/pkcs11/pin_source.h"
#include "pki-modules/pkcs11/token.h"

namespace ecryptfs::pkcs11_module {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

constexpr std::array<unsigned long, 3> kSizes{2048, 3072, 4096};
constexpr unsigned long kUsualBits = 3072;
constexpr std::size_t kIdSize = 16;

std::unexpected<Error> refused(ErrorCode code, std::string message, std::string advice) {
    return std::unexpected(Error{code, std::move(message), std::move(advice)});
}

Result<KeyUri> parse_new_name(const ecryptfs_pki_new_key& wanted) {
    for (const auto& option : std::span(wanted.options, wanted.option_count)) {
        if (std::string_view(option.name) != module::kCurveOption) {
            return refused(ErrorCode::kNotSupported,
                           fmt::format("a key on a token has no option {}", option.name),
                           "leave it out");
        }
    }
    auto uri = KeyUri::parse(wanted.where);
    if (!uri) {
        return uri;
    }
    if (!(uri->label || uri->serial) || !uri->object || uri->object->empty()) {
        return refused(ErrorCode::kInvalidArgument,
                       "the place of a new key must name a token and the key's label",
                       fmt::format("write 'pkcs11:token=TOKEN;object=LABEL'; see the tokens: {}",
                                   listing_command(*uri)));
    }
    if (!uri->id) {
        uri->id = std::vector<std::uint8_t>(kIdSize);
        module::check_openssl("RAND_bytes", ::RAND_bytes(uri->id->data(), kIdSize));
    }
    return uri;
}

Result<unsigned long> choose_bits(Token& token, unsigned long wanted) {
    const auto can = token.presence().library().mechanism_info(token.presence().slot(),
                                                               CKM_RSA_PKCS_KEY_PAIR_GEN);
    if (!can) {
        return refused(ErrorCode::kNotSupported,
                       fmt::format("{} cannot make RSA keys", token.text()),
                       "make the key elsewhere and write it to the token with its own tool");
    }
    const auto fits = [&](unsigned long bits) {
        return bits >= can->min_bits && bits <= can->max_bits;
    };
    unsigned long bits = wanted;
    if (wanted == 0) {  // the usual size, or else the smallest
        bits = fits(kUsualBits) ? kUsualBits : kSizes.front();
    } else if (std::ranges::find(kSizes, wanted) == kSizes.end()) {
        return refused(ErrorCode::kNotSupported,
                       fmt::format("RSA keys of {} bits cannot be made", wanted),
                       "take 2048, 3072 or 4096");
    }
    if (!fits(bits)) {
        return refused(ErrorCode::kNotSupported,
                       fmt::format("{} makes RSA keys of {} to {} bits, not {}", token.text(),
                                   can->min_bits, can->max_bits, bits),
                       "take another size or token");
    }
    return bits;
}

// A session that may write. Those of the pool may only read.
class WritingSession {
  public:
    static Result<WritingSession> open(SessionPool& pool) {
        const auto turn = pool.turns().take_shared();
        SessionHandle handle = 0;
        const auto result = pool.token().library().functions().C_OpenSession(
            pool.token().slot(), CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &handle);
        if (result != CKR_OK) {
            return std::unexpected(pool.token().error("C_OpenSession", result));
        }
        return WritingSession(pool, handle);
    }
    ~WritingSession() {
        if (pool_ != nullptr) {
            static_cast<void>(functions().C_CloseSession(handle_));
        }
    }
    WritingSession(WritingSession&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), handle_(other.handle_) {}
    WritingSession(const WritingSession&) = delete;
    WritingSession& operator=(const WritingSession&) = delete;
    WritingSession& operator=(WritingSession&&) = delete;

    Functions& functions() const { return pool_->token().library().functions(); }
    SessionHandle handle() const { return handle_; }

  private:
    WritingSession(SessionPool& pool, SessionHandle handle) : pool_(&pool), handle_(handle) {}

    SessionPool* pool_;
    SessionHandle handle_;
};

Result<void> check_name_is_free(Token& token, const KeyUri& uri) {
    const auto session = TRY(token.sessions().take_live());
    const auto turn = token.sessions().turns().take_shared();
    for (const auto type :
         {ObjectClass::kPrivateKey, ObjectClass::kPublicKey, ObjectClass::kCertificate}) {
        for (const auto& name :
             {ObjectName{uri.id, std::nullopt}, ObjectName{std::nullopt, uri.object}}) {
            const auto found = TRY(find_objects(session, type, name));
            if (!found.empty()) {
                return refused(ErrorCode::kAlreadyExists,
                               fmt::format("{} already holds something of that {}", token.text(),
                                           name.id ? "id" : "label"),
                               "choose another, or remove it with the token's own tool");
            }
        }
    }
    return {};
}

struct KeyPair {
    ObjectHandle public_key = 0;
    ObjectHandle private_key = 0;
};

// What both kinds of keys are made of: a mechanism, and what only a kind has.
struct PairRecipe {
    unsigned long mechanism;
    unsigned long private_use;  // CKA_…
    std::optional<unsigned long> public_use;
    std::vector<CK_ATTRIBUTE> public_parts;
};

Result<KeyPair> make_pair(Token& token, const WritingSession& session, KeyUri uri,
                          const PairRecipe& recipe) {
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    const auto flag = [](unsigned long type, CK_BBOOL& value) {
        return CK_ATTRIBUTE{type, &value, sizeof value};
    };
    const CK_ATTRIBUTE label{CKA_LABEL, uri.object->data(), uri.object->size()};
    const CK_ATTRIBUTE id{CKA_ID, uri.id->data(), uri.id->size()};
    std::vector public_half{flag(CKA_TOKEN, yes), flag(CKA_PRIVATE, no), flag(CKA_VERIFY, no),
                            label, id};
    if (recipe.public_use) {
        public_half.push_back(flag(*recipe.public_use, yes));
        public_half.push_back(flag(CKA_WRAP, no));
    }
    std::ranges::copy(recipe.public_parts, std::back_inserter(public_half));
    std::vector private_half{flag(CKA_TOKEN, yes),
                             flag(CKA_PRIVATE, yes),
                             flag(CKA_SENSITIVE, yes),
                             flag(CKA_EXTRACTABLE, no),
                             flag(recipe.private_use, yes),
                             flag(CKA_SIGN, no),
                             label,
                             id};
    if (recipe.private_use == CKA_DECRYPT) {
        private_half.push_back(flag(CKA_UNWRAP, no));
    }
    CK_MECHANISM mechanism{recipe.mechanism, nullptr, 0};
    KeyPair pair;
    const auto turn = token.sessions().turns().take_shared();
    const auto result = session.functions().C_GenerateKeyPair(
        session.handle(), &mechanism, public_half.data(), public_half.size(), private_half.data(),
        private_half.size(), &pair.public_key, &pair.private_key);
    if (result != CKR_OK) {
        return std::unexpected(token.presence().error("C_GenerateKeyPair", result));
    }
    return pair;
}

Result<KeyPair> make_rsa_pair(Token& token, const WritingSession& session, const KeyUri& uri,
                              unsigned long bits) {
    CK_ULONG size = bits;
    std::array<std::uint8_t, 3> exponent{1, 0, 1};
    return make_pair(token, session, uri,
                     {CKM_RSA_PKCS_KEY_PAIR_GEN,
                      CKA_DECRYPT,
                      CKA_ENCRYPT,
                      {{CKA_MODULUS_BITS, &size, sizeof size},
                       {CKA_PUBLIC_EXPONENT, exponent.data(), exponent.size()}}});
}

Result<KeyPair> make_curve_pair(Token& token, const WritingSession& session, const KeyUri& uri,
                                ecryptfs_pki_curve curve) {
    const auto parameters = curve_parameters(curve);
    return make_pair(
        token, session, uri,
        {CKM_EC_KEY_PAIR_GEN,
         CKA_DERIVE,
         std::nullopt,
         {{CKA_EC_PARAMS, const_cast<std::uint8_t*>(parameters.data()), parameters.size()}}});
}

void destroy(const WritingSession& session, const KeyPair& pair) {
    static_cast<void>(session.functions().C_DestroyObject(session.handle(), pair.private_key));
    static_cast<void>(session.functions().C_DestroyObject(session.handle(), pair.public_key));
}

struct KeyType {
    ecryptfs_pki_curve curve = ECRYPTFS_PKI_NO_CURVE;
    unsigned long bits = 0;  // of RSA
};

Result<KeyType> choose_type(Token& token, const ecryptfs_pki_new_key& wanted) {
    const auto curve = TRY(module::wanted_curve(wanted));
    if (curve == ECRYPTFS_PKI_NO_CURVE) {
        const auto bits = TRY(choose_bits(token, wanted.bits));
        return KeyType{curve, bits};
    }
    const auto can =
        token.presence().library().mechanism_info(token.presence().slot(), CKM_EC_KEY_PAIR_GEN);
    if (!can || curve == ECRYPTFS_PKI_X25519 || token.ecdh_mechanisms().empty()) {
        return std::unexpected(module::cannot_make_curve(token.text(), curve));
    }
    return KeyType{curve, 0};
}

// Call it while logged in.
Result<std::string> make_and_try(Token& token, const KeyUri& uri, const KeyType& type,
                                 const base::SecretEntry& pin) {
    TRY(check_name_is_free(token, uri));
    const auto session = TRY(WritingSession::open(token.sessions()));
    const auto pair =
        TRY(type.curve == ECRYPTFS_PKI_NO_CURVE ? make_rsa_pair(token, session, uri, type.bits)
                                                : make_curve_pair(token, session, uri, type.curve));
    try {
        const auto key = open_key(uri.text(), pin, true);
        if (key) {
            ecryptfs_pki_description description{};
            (*key)->describe(description);
            return std::string(description.locator);
        }
        destroy(session, pair);
        return std::unexpected(key.error());
    } catch (...) {
        destroy(session, pair);
        throw;
    }
}

}  // namespace

Result<std::string> generate_key(const ecryptfs_pki_new_key& wanted) {
    const auto uri = TRY(parse_new_name(wanted));
    const auto tokens = TRY(Token::find_all(uri));
    const auto token = TRY(Token::require_one(tokens, uri));
    const auto type = TRY(choose_type(*token, wanted));
    const auto pin = TRY(ChosenPin::choose(module::entered_secret(wanted.secret), uri.pin_source));
    const auto login = TRY(token->login().begin(pin.entry()));
    return make_and_try(*token, uri, type, pin.entry());
}

}  // namespace ecryptfs::pkcs11_module
