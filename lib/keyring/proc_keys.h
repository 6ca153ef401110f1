// SPDX-License-Identifier: Apache-2.0
//
// The text of /proc/keys: the keys that this process may view, dead ones too.
//
// Any user can put false lines there. The kernel shows descriptions as they are, with the line ends
// in them, and also shows those of other users' keys that everybody may view.

#pragma once

#include <chrono>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/keyring/key_serial.h"

namespace ecryptfs::keyring {

// A line.
struct ListedKey {
    KeySerial serial;
    std::optional<std::chrono::seconds> time_left;  // coarse; nothing for "perm" and "expd"
    std::string type;
    std::string description;
};

// The lines that have the form of a key's.
std::vector<ListedKey> parse_proc_keys(std::istream& text);

// parse_proc_keys() of /proc/keys; empty if it cannot be read.
std::vector<ListedKey> listed_keys();

// How long each key that expires has left. A key whose lines differ is left out, since one of them
// is false.
std::map<KeySerial, std::chrono::seconds> times_left(const std::vector<ListedKey>& keys);

}  // namespace ecryptfs::keyring
