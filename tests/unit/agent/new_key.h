// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <string>

#include "agent/modules/key.h"

namespace ecryptfs::test {

inline std::shared_ptr<agent::Key> new_key(std::uint64_t id, const std::string& module = "fake") {
    return std::make_shared<agent::Key>(
        agent::Key{.id = id,
                   .module = wire::PkiType::from_text(module).value(),
                   .locator = module + ":key",
                   .secret = {},
                   .use = pki::KeyUse::kPrivate,
                   .signature = {}});
}

}  // namespace ecryptfs::test
