// SPDX-License-Identifier: Apache-2.0

#include "cli/folder_key/hosted_key.h"

#include "lib/base/secret_entry.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Result;
using base::SecretBytes;

constexpr std::uint64_t kNumber = 1;  // the only key of the host

}  // namespace

Result<HostedKey> HostedKey::open(const pki::HostPaths& paths, const pki::KeyLocation& key,
                                  const AskKeySecret& ask) {
    auto host = TRY(pki::ModuleHost::start(paths, key.module));
    const auto first = ask ? base::SecretEntry(base::EntryAtDevice{}) : base::NoSecret{};
    auto opened = host.open_key(kNumber, key.locator, first);
    if (!opened && opened.error().code == base::ErrorCode::kSecretRequired && ask) {
        const auto secret = TRY(ask(key));
        opened = host.open_key(kNumber, key.locator, base::secret_entry(secret.view()));
    }
    auto found = TRY(std::move(opened));
    return HostedKey(std::move(host), std::move(found));
}

Result<SecretBytes> HostedKey::decrypt_oaep(pki::OaepDigest digest, base::ByteView input) {
    return host_.decrypt_oaep(kNumber, digest, input);
}

Result<SecretBytes> HostedKey::derive(base::ByteView peer) {
    return host_.derive(kNumber, peer);
}

}  // namespace ecryptfs::cli
