// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/new_key_curve.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string_view>

#include "pki-modules/common/curve_key.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

struct Name {
    std::string_view text;
    ecryptfs_pki_curve curve;
};

constexpr auto kNames = std::to_array<Name>(
    {{"p256", ECRYPTFS_PKI_P256}, {"p384", ECRYPTFS_PKI_P384}, {"x25519", ECRYPTFS_PKI_X25519}});

Result<ecryptfs_pki_curve> find_curve(std::string_view text) {
    for (const auto& name : kNames) {
        if (name.text == text) {
            return name.curve;
        }
    }
    return std::unexpected(
        Error{ErrorCode::kNotSupported,
              fmt::format("keys of the curve \"{}\" cannot be made", shown(text)),
              "choose p256, p384 or x25519"});
}

}  // namespace

Result<ecryptfs_pki_curve> wanted_curve(const ecryptfs_pki_new_key& wanted) {
    for (const auto& option : std::span(wanted.options, wanted.option_count)) {
        if (std::string_view(option.name) != kCurveOption) {
            continue;
        }
        if (wanted.bits != 0) {
            return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                         "a key of a curve has no choice of bits",
                                         "give a curve or bits, not both"});
        }
        return find_curve(option.value);
    }
    return ECRYPTFS_PKI_NO_CURVE;
}

Error cannot_make_curve(const std::string& what, ecryptfs_pki_curve curve) {
    return {ErrorCode::kNotSupported,
            fmt::format("{} cannot make keys of {}", what, curve_name(curve)),
            "choose another curve, or another place for the key"};
}

}  // namespace ecryptfs::module
