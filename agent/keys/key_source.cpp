// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/key_source.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "lib/base/file_uri.h"
#include "lib/base/percent.h"
#include "lib/base/sealed_memfd.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"
#include "lib/pki/host_protocol.h"
#include "lib/wire/legacy_blob.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::string_view kOpenssl = "openssl";
constexpr std::string_view kPkcs11 = "pkcs11";
constexpr std::string_view kPkcs11Helper = "pkcs11-helper";  // what ecryptfs-utils calls it

// ecryptfs-utils had tokens unwrap so. The module must not choose a better mechanism.
constexpr std::string_view kLegacyMechanism = "x-mechanism=rsa-pkcs";

Error invalid(const wire::KeySignature& signature, std::string_view why) {
    return {ErrorCode::kInvalidToken, fmt::format("the token of key {}: {}", signature.text(), why),
            base::replace_token_advice(signature.text())};
}

// The module of a PKI type has the same name, with one exception.
Result<wire::PkiType> find_module(const wire::PkiType& type) {
    return type.text() == kPkcs11Helper ? wire::PkiType::from_text(kPkcs11) : type;
}

Result<KeySource> with_secret(KeySource source, base::ByteView secret) {
    if (!secret.empty()) {
        auto copy = TRY(base::SecretBytes::copy(secret));
        source.secret = std::move(copy);
    }
    return source;
}

std::string attribute(std::string_view name, std::string_view value) {
    return fmt::format("{}={}", name, base::percent_encoded(value, base::is_unreserved));
}

Result<std::string> pkcs11_locator(std::string_view serialized_id) {
    if (serialized_id.starts_with("pkcs11:")) {
        const char separator = serialized_id.find('?') == std::string_view::npos ? '?' : '&';
        return fmt::format("{}{}{}", serialized_id, separator, kLegacyMechanism);
    }
    const auto id = TRY(wire::parse_legacy_pkcs11_id(serialized_id));
    return fmt::format("pkcs11:{};{};{};{};{};type=private?{}", attribute("token", id.label),
                       attribute("serial", id.serial), attribute("manufacturer", id.manufacturer),
                       attribute("model", id.model), attribute("id", base::as_text(id.id)),
                       kLegacyMechanism);
}

Result<KeySource> legacy_openssl_source(const wire::PrivateKeyToken& token) {
    const auto blob = wire::parse_legacy_openssl_blob(token.blob);
    if (!blob) {
        return std::unexpected(invalid(token.signature, blob.error().message));
    }
    return with_secret({token.pki_type, base::file_uri(blob->path), {}}, blob->passphrase);
}

Result<KeySource> legacy_pkcs11_source(const wire::PrivateKeyToken& token,
                                       const wire::PkiType& module) {
    const auto blob = wire::parse_legacy_pkcs11_blob(token.blob);
    if (!blob) {
        return std::unexpected(invalid(token.signature, blob.error().message));
    }
    auto locator = pkcs11_locator(blob->serialized_id);
    if (!locator) {
        return std::unexpected(invalid(token.signature, locator.error().message));
    }
    return with_secret({module, std::move(*locator), {}}, blob->pin);
}

Result<KeySource> legacy_source(const wire::PrivateKeyToken& token, const wire::PkiType& module) {
    if (module.text() == kOpenssl) {
        return legacy_openssl_source(token);
    }
    if (module.text() == kPkcs11) {
        return legacy_pkcs11_source(token, module);
    }
    return std::unexpected(invalid(
        token.signature, fmt::format("its {} blob does not hold a URI", token.pki_type.text())));
}

}  // namespace

Result<wire::PrivateKeyToken> private_key_token(base::ByteView payload,
                                                const wire::KeySignature& signature) {
    const auto token = wire::parse_auth_token(payload);
    if (!token) {
        return std::unexpected(invalid(signature, token.error().message));
    }
    const auto* key = std::get_if<wire::PrivateKeyToken>(&*token);
    if (key == nullptr) {
        return std::unexpected(invalid(
            signature, "it holds a passphrase key, which the kernel uses without the agent"));
    }
    if (key->signature != signature) {
        return std::unexpected(
            invalid(signature, fmt::format("it is the token of {}", key->signature.text())));
    }
    return *key;
}

Result<KeySource> key_source(const wire::PrivateKeyToken& token) {
    const auto module = TRY(find_module(token.pki_type));
    auto source = wire::is_locator(token.blob)
                      ? KeySource{module, std::string(base::as_text(token.blob)), {}}
                      : legacy_source(token, module);
    if (source && source->locator.size() > pki::kMaxLocator) {
        return std::unexpected(invalid(token.signature, "its locator is too long"));
    }
    if (source && !wire::is_locator(base::as_bytes(source->locator))) {
        return std::unexpected(invalid(token.signature, "its locator is not a URI"));
    }
    if (source && source->secret && source->secret->size() > base::kMaxSecretSize) {
        return std::unexpected(invalid(token.signature, "its secret is too long"));
    }
    return source;
}

bool is_usable_locator(std::string_view locator) {
    return wire::is_locator(base::as_bytes(locator)) && locator.size() <= pki::kMaxLocator;
}

}  // namespace ecryptfs::agent
