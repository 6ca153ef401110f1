// SPDX-License-Identifier: Apache-2.0

#include "agent/key_source.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "lib/base/file_uri.h"
#include "lib/pki/host_protocol.h"
#include "lib/wire/legacy_blob.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kLegacyModule[] = "openssl";

Error invalid(const wire::KeySignature& signature, std::string_view why) {
    return {ErrorCode::kInvalidToken, fmt::format("the token of key {}: {}", signature.text(), why),
            "remove it and add the key again: ecryptfsctl remove-key, ecryptfsctl add-key"};
}

Result<KeySource> legacy_source(const wire::PrivateKeyToken& token) {
    if (token.pki_type.text() != kLegacyModule) {
        return std::unexpected(invalid(
            token.signature, fmt::format("its {} blob holds no URI", token.pki_type.text())));
    }
    const auto blob = wire::parse_legacy_openssl_blob(token.blob);
    if (!blob) {
        return std::unexpected(invalid(token.signature, blob.error().message));
    }
    KeySource source{token.pki_type, base::file_uri(blob->path), {}};
    if (!blob->passphrase.empty()) {
        auto secret = base::SecretBytes::copy_of(blob->passphrase);
        if (!secret) {
            return std::unexpected(std::move(secret.error()));
        }
        source.secret = std::move(*secret);
    }
    return source;
}

}  // namespace

Result<wire::PrivateKeyToken> token_in(base::ByteView payload,
                                       const wire::KeySignature& signature) {
    const auto token = wire::parse_auth_token(payload);
    if (!token) {
        return std::unexpected(invalid(signature, token.error().message));
    }
    const auto* key = std::get_if<wire::PrivateKeyToken>(&*token);
    if (key == nullptr) {
        return std::unexpected(
            invalid(signature, "it holds a passphrase key, which the kernel uses by itself"));
    }
    if (key->signature != signature) {
        return std::unexpected(
            invalid(signature, fmt::format("it is that of {}", key->signature.text())));
    }
    return *key;
}

Result<KeySource> source_of(const wire::PrivateKeyToken& token) {
    auto source = wire::is_locator(token.blob)
                      ? KeySource{token.pki_type, std::string(base::as_text(token.blob)), {}}
                      : legacy_source(token);
    if (source && source->locator.size() > pki::kMaxLocator) {
        return std::unexpected(invalid(token.signature, "its locator is too long"));
    }
    return source;
}

}  // namespace ecryptfs::agent
