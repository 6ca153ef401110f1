// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/files/output_tree.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

// Finds places in the output for names that its file system may refuse, or that something else has.
class OutputPlaces {
  public:
    using Place = OutputTree::Place;
    using IsEarlier = OutputTree::IsEarlier;
    // Makes something of this name. kAlreadyExists: another program was faster. kNameChanged.
    using Create = std::function<base::Result<void>(const std::string& name)>;

    // Borrows the output.
    explicit OutputPlaces(OutputTree& output) : output_(output) {}

    // Finds a place for a name in the current folder, and calls `create` for it if no earlier run
    // did the same. kNotSupported if the file system takes no name like it.
    base::Result<Place> settle(const std::string& name, const IsEarlier& is_earlier,
                               const Create& create);

  private:
    std::vector<std::string> names_to_try(const std::string& name) const;

    OutputTree& output_;
    bool refuses_names_ = false;  // the file system has refused one
};

}  // namespace ecryptfs::cli
