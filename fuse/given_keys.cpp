// SPDX-License-Identifier: Apache-2.0

#include "fuse/given_keys.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/base/handle.h"
#include "lib/base/sealed_memfd.h"
#include "lib/base/try.h"

namespace ecryptfs::fuse {
namespace {

using base::Result;

constexpr std::size_t kKeySize = 64;

Result<lower::PassphraseKey> take_key(base::ByteReader& reader) {
    lower::Salt salt{};
    const auto signature = reader.take(wire::KeySignature::kTextSize);
    const auto salt_bytes = reader.take(salt.size());
    const auto key = reader.take(kKeySize);
    if (!signature || !salt_bytes || !key) {
        return std::unexpected(
            base::Error{base::ErrorCode::kInvalidArgument,
                        "standard input: not a list of keys that ecryptfsctl handed over"});
    }
    std::ranges::copy(*salt_bytes, salt.begin());
    const auto name = TRY(wire::KeySignature::from_text(base::as_text(*signature)));
    auto secret = TRY(base::SecretBytes::copy(*key));
    return lower::PassphraseKey{name, std::move(secret), salt};
}

}  // namespace

Result<std::vector<lower::PassphraseKey>> take_given_keys() {
    const auto bytes = TRY(base::read_sealed_memfd(STDIN_FILENO));
    const base::UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!nothing || ::dup2(nothing.get(), STDIN_FILENO) < 0) {
        return std::unexpected(base::system_error("closing standard input", errno));
    }
    base::ByteReader reader(bytes.view());
    std::vector<lower::PassphraseKey> keys;
    while (!reader.empty()) {
        auto key = TRY(take_key(reader));
        keys.push_back(std::move(key));
    }
    return keys;
}

}  // namespace ecryptfs::fuse
