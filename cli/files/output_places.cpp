// SPDX-License-Identifier: Apache-2.0

#include "cli/files/output_places.h"

#include <fmt/format.h>

#include "cli/files/file_error.h"
#include "cli/files/safe_name.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

Error refused_name(const Error& error) {
    return {ErrorCode::kNotSupported,
            fmt::format("the file system there has no such names ({})", error.message),
            kOtherFileSystemAdvice};
}

}  // namespace

// The name itself, then those that come nearest to it. A name that an earlier run has given comes
// first where the file system is known to refuse names.
std::vector<std::string> OutputPlaces::names_to_try(const std::string& name) const {
    constexpr std::size_t kShortName = 120;  // bytes: a mount of eCryptfs has 143
    std::vector<std::string> names = {name};
    const std::string safe = safe_name(name);
    for (const auto& other : {safe, with_suffix(safe.substr(0, kShortName + 1), "")}) {
        if (other != names.back()) {
            names.push_back(other);
        }
    }
    if (refuses_names_ && names.size() > 1 && output_.is_unclaimed(names[1]) &&
        !output_.is_unclaimed(name)) {
        names.erase(names.begin());
    }
    return names;
}

Result<OutputTree::Place> OutputPlaces::settle(const std::string& name, const IsEarlier& is_earlier,
                                               const Create& create) {
    constexpr int kRaces = 10;  // lost to others who write into the same folder
    Error refusal;
    for (const auto& wanted : names_to_try(name)) {
        for (int race = 0; race < kRaces; ++race) {
            const auto place = output_.find_place(wanted, is_earlier);
            const auto created = place && !place->is_earlier ? create(place->name) : Result<void>();
            if (place && created) {
                return place;
            }
            const auto& error = place ? created.error() : place.error();
            if (error.code == ErrorCode::kNameChanged) {
                refusal = error;
                refuses_names_ = true;
                break;
            }
            if (!place || error.code != ErrorCode::kAlreadyExists || race + 1 == kRaces) {
                return std::unexpected(error);
            }
        }
    }
    return std::unexpected(refused_name(refusal));
}

}  // namespace ecryptfs::cli
