// SPDX-License-Identifier: Apache-2.0

#include <array>
#include <optional>

#include "lib/pki/host_protocol.h"
#include "tests/fuzz/check.h"

namespace {

using namespace ecryptfs;

base::ByteView data_of(const pki::OpenKey& message) {
    fuzz::require(message.locator.size() <= pki::kMaxLocator, "the locator is bounded");
    return base::secret_bytes(message.secret).value_or(base::ByteView{});
}
base::ByteView data_of(const pki::CloseKey& /*message*/) {
    return {};
}
base::ByteView data_of(const pki::KeyOperation& message) {
    return message.input;
}
base::ByteView data_of(const pki::UnwrapOaep& message) {
    return message.input;
}
base::ByteView data_of(const pki::DeriveSecret& message) {
    return message.peer;
}
base::ByteView data_of(const pki::ListItems& /*message*/) {
    return {};
}
base::ByteView data_of(const pki::MakeKey& message) {
    return base::secret_bytes(message.secret).value_or(base::ByteView{});
}

}  // namespace

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto message = pki::decode_to_host(input);
    if (!message) {
        require(message.error().code == base::ErrorCode::kMalformed, "the error has its code");
        return;
    }
    require_inside(std::visit([](const auto& one) { return data_of(one); }, *message), input);
    std::array<std::uint8_t, pki::kMaxHostMessage> buffer{};
    const auto encoded = pki::encode(*message, buffer);
    require(encoded.has_value(), "what was decoded can be encoded");
    require_same(*encoded, input, "encoding gives the decoded bytes");
}
