// SPDX-License-Identifier: Apache-2.0
//
// Secrets that their owner did not mean: from a file of another system, or with a key pressed by
// mistake. A wrong passphrase makes files that the right one does not open, and a wrong PIN costs
// one of a token's few tries. Pure.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

struct SecretSlip {
    std::string_view what;  // "begins with a byte-order mark"
    std::string_view
        filter;    // a command that mends it, from standard input to output; may be empty
    bool certain;  // nobody can mean it: no terminal can type it, and no program takes it
};

// What is wrong with a secret that stands on a line of its own, without the line end; the worst.
std::optional<SecretSlip> find_slip(ByteView line);

// Whether there is a control character, which a person types by an arrow key or Tab.
bool has_control_characters(ByteView typed);

// How to mend a file: "(umask 077; FILTER <FILE >FILE.new), and give FILE.new". The words for a
// shell are quoted where they need it.
std::string mending_command(std::string_view filter, std::string_view file);

}  // namespace ecryptfs::base
