// SPDX-License-Identifier: Apache-2.0
//
// What a journal says about headers that are being written, so that a torn one can be completed
// after a loss of power. It has no secrets: headers hold file keys encrypted. Parsing is pure.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/lowerfs/header_exchange.h"

namespace ecryptfs::lowerfs {

struct JournalEntry {
    std::string path;  // below the journal's folder
    std::uint64_t inode = 0;
    std::array<std::uint8_t, 8> marker = {};  // of the file, at random when that was made
    ChangedBytes change = {};
};

// A path that no journal can hold: the kernel would not open it either.
bool is_journal_path(const std::string& path);

std::vector<std::uint8_t> encode_journal(const std::vector<JournalEntry>& entries);

// kMalformed, with what and at which byte, for anything but a whole journal. No bytes are a journal
// without entries. Paths are relative and do not lead up; changed bytes are in a header, behind its
// size and marker.
base::Result<std::vector<JournalEntry>> parse_journal(base::ByteView bytes);

enum class Redo : std::uint8_t {
    kDone,      // it was written now
    kNeedless,  // it was there already
    kForeign,   // there is another file or header, which was left alone
};

// Completes what an entry says, in the folder of a descriptor. Writes only if the file is that one,
// and each sector of its header is either as before or as after, so that the header becomes whole.
// Has that on disk. Follows no link. kNotFound if there is nothing of that path.
base::Result<Redo> redo_entry(int folder, const JournalEntry& entry);

}  // namespace ecryptfs::lowerfs
