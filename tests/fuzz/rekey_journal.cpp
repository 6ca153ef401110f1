// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/header.h"
#include "lib/lowerfs/header_journal.h"
#include "tests/fuzz/check.h"

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto entries = lowerfs::parse_journal(input);
    if (!entries) {
        require_useful(entries.error(), base::ErrorCode::kMalformed, "journal: ", input.size());
        return;
    }
    for (const auto& entry : *entries) {
        const auto& [offset, before, after] = entry.change;
        require(lowerfs::is_journal_path(entry.path), "paths stay in the folder");
        require(entry.path.front() != '/' && !entry.path.starts_with("../"), "and do not lead up");
        require(before.size() == after.size() && !after.empty(), "as many bytes before as after");
        require(offset >= 20 && offset + after.size() <= lower::kMaxHeader,
                "only a header's packets change");
    }
    if (!input.empty()) {
        require_same(lowerfs::encode_journal(*entries), input, "a journal has one form");
    }
}
