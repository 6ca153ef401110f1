// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/private_keys.h"

#include "lib/base/try.h"
#include "lib/pki/code_selection.h"

namespace ecryptfs::lowerfs {

using base::Result;

Result<pki::ModuleHost*> HostedKeys::find_or_start_host(const pki::KeyLocation& key) {
    auto& host = hosts_[{key.module, pki::code_selection(key.locator)}];
    if (!host) {
        auto started = TRY(pki::ModuleHost::start(paths_, key.module));
        host = std::make_unique<pki::ModuleHost>(std::move(started));
    }
    return host.get();
}

Result<pki::ModuleHost::OpenedKey> HostedKeys::open(const pki::KeyLocation& key,
                                                    const base::SecretEntry& secret) {
    auto* const host = TRY(find_or_start_host(key));
    const auto number = ++last_number_;
    auto opened = TRY(host->open_key(number, key.locator, secret, use_));
    keys_.insert_or_assign(opened.signature, Key{host, number});
    return opened;
}

}  // namespace ecryptfs::lowerfs
