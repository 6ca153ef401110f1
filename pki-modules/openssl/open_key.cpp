// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/open_key.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "lib/base/file_uri.h"
#include "lib/base/try.h"
#include "pki-modules/common/curve_key.h"
#include "pki-modules/common/key_file.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/openssl/curve_key.h"
#include "pki-modules/openssl/pem_key.h"
#include "pki-modules/openssl/rsa_key.h"
#include "pki-modules/openssl/secure_memory.h"

namespace ecryptfs::openssl_module {
namespace {

using base::Result;
using module::OpenedKey;

template <typename Key>
Result<std::unique_ptr<OpenedKey>> finish_opening(std::unique_ptr<Key> opened, module::EvpPkey key,
                                                  const std::string& what, bool with_private_half) {
    if (with_private_half) {
        TRY(opened->add_private_half(std::move(key), what));
    }
    return opened;
}

}  // namespace

Result<std::unique_ptr<OpenedKey>> open_key(std::string_view locator,
                                            const base::SecretEntry& passphrase,
                                            bool with_private_half) {
    TRY(memory_is_safe());
    const auto path = TRY(base::path_of_file_uri(locator));
    const auto file = TRY(module::read_key_file(path, "this key, which has no passphrase"));
    const auto pem = file.contents.view();
    auto key = TRY(parse_private_key(pem, base::secret_bytes(passphrase), path));
    auto warning = is_encrypted(pem) ? std::string() : file.exposure.value_or("");
    if (auto point = module::curve_point(*key)) {
        const auto what =
            fmt::format("the {} key in {}", module::curve_name(point->curve), module::shown(path));
        auto opened = std::make_unique<CurveKey>(std::move(*point), std::move(warning));
        return finish_opening(std::move(opened), std::move(key), what, with_private_half);
    }
    const auto what = fmt::format("the RSA key in {}", module::shown(path));
    auto opened = std::make_unique<RsaKey>(*key, what, std::move(warning));
    return finish_opening(std::move(opened), std::move(key), what, with_private_half);
}

}  // namespace ecryptfs::openssl_module
