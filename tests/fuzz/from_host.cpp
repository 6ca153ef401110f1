// SPDX-License-Identifier: Apache-2.0

#include <array>

#include "lib/pki/host_protocol.h"
#include "tests/fuzz/check.h"

namespace {

using namespace ecryptfs;

void check(const pki::Hello& message, base::ByteView input) {
    fuzz::require_inside(base::as_bytes(message.name), input);
    fuzz::require_inside(base::as_bytes(message.version), input);
    fuzz::require_inside(base::as_bytes(message.description), input);
}
void check(const pki::Refusal& message, base::ByteView input) {
    fuzz::require_inside(base::as_bytes(message.message), input);
    fuzz::require_inside(base::as_bytes(message.advice), input);
    fuzz::require(!base::traits(message.code).name.empty(), "the error code is one");
}
void check(const pki::Opened& message, base::ByteView input) {
    fuzz::require_inside(base::as_bytes(message.signature), input);
    fuzz::require_inside(base::as_bytes(message.warning), input);
    fuzz::require_inside(base::as_bytes(message.locator), input);
    fuzz::require_inside(message.public_key.modulus, input);
    fuzz::require_inside(message.public_key.exponent, input);
    fuzz::require_inside(message.public_key.point, input);
    fuzz::require(pki::is_well_formed(message.public_key), "the public key is one");
}
void check(const pki::Done& message, base::ByteView input) {
    fuzz::require_inside(message.output, input);
}
void check(const pki::Closed& /*message*/, base::ByteView /*input*/) {}
void check(const pki::Failed& message, base::ByteView input) {
    check(message.why, input);
}
void check(const pki::Item& message, base::ByteView input) {
    fuzz::require_inside(base::as_bytes(message.uri), input);
    fuzz::require_inside(base::as_bytes(message.label), input);
    for (const auto& property : message.properties) {
        fuzz::require_inside(base::as_bytes(property.name), input);
        fuzz::require_inside(base::as_bytes(property.value), input);
    }
}

}  // namespace

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto message = pki::decode_from_host(input);
    if (!message) {
        require(message.error().code == base::ErrorCode::kMalformed, "the error has its code");
        return;
    }
    std::visit([&](const auto& one) { check(one, input); }, *message);
    std::array<std::uint8_t, pki::kMaxHostMessage> buffer{};
    const auto encoded = pki::encode(*message, buffer);
    require(encoded.has_value(), "what was decoded can be encoded");
    require_same(*encoded, input, "encoding gives the decoded bytes");
}
