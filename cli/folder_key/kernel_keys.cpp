// SPDX-License-Identifier: Apache-2.0

#include "cli/folder_key/kernel_keys.h"

#include "cli/agent/client.h"
#include "lib/base/bytes.h"
#include "lib/base/sealed_memfd.h"
#include "lib/base/try.h"
#include "lib/folderkey/kernel_token.h"
#include "lib/keyring/hidden_token.h"

namespace ecryptfs::cli {

using base::Result;

Result<void> load_into_kernel(const lower::PassphraseKey& key,
                              std::optional<std::chrono::seconds> timeout) {
    const auto token = TRY(folderkey::make_kernel_token(key));
    TRY(keyring::load_hidden_token(token, timeout));
    return {};
}

Result<void> hand_to_mounts(const folderkey::FolderKey& key) {
    auto agent = TRY(AgentClient::connect());
    for (const auto* each : {&key.contents, &key.names}) {
        auto bytes = TRY(base::SecretBytes::create(kHandedKeySize));
        base::ByteWriter writer(bytes.span());
        writer.put(each->salt);
        writer.put(each->key.view());
        const auto memfd = TRY(base::SealedMemfd::create(writer.written()));
        TRY(agent.hand_out_key(each->signature, memfd));
    }
    return {};
}

}  // namespace ecryptfs::cli
