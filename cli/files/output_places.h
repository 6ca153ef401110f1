// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/files/output_tree.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

// Finds a name in the output for each item: its file system may refuse the plain one, or something
// else may have it.
class OutputPlaces {
  public:
    using Place = OutputTree::Place;
    using IsEarlier = OutputTree::IsEarlier;
    // Makes something of this name. kAlreadyExists: another program was faster. kNameChanged.
    using Create = std::function<base::Result<void>(const std::string& name)>;

    // Borrows the output.
    explicit OutputPlaces(OutputTree& output) : output_(output) {}

    // Finds a place for a name in the current folder. Calls `create` with the place's name, unless
    // an earlier run has made the same there. kNotSupported if the file system takes no name like
    // it.
    base::Result<Place> settle(const std::string& name, const IsEarlier& is_earlier,
                               const Create& create);

  private:
    std::vector<std::string> names_to_try(const std::string& name) const;

    OutputTree& output_;
    bool refuses_names_ = false;  // the file system has refused one
};

}  // namespace ecryptfs::cli
