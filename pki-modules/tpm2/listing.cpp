// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/listing.h"

#include <fmt/format.h>
#include <tss2/tss2_tpm2_types.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "lib/base/file_uri.h"
#include "pki-modules/common/listed_item.h"
#include "pki-modules/tpm2/locator.h"
#include "pki-modules/tpm2/public_area.h"
#include "pki-modules/tpm2/tpm.h"
#include "pki-modules/tpm2/tpm_error.h"
#include "pki-modules/tpm2/tpm_state.h"

namespace ecryptfs::tpm2_module {
namespace {

using module::ListedItem;

// Joins TPM properties of four characters each, padded with NULs or spaces.
std::string text_property(const Esys& esys, std::uint32_t first, std::uint32_t last) {
    std::string text;
    for (std::uint32_t tag = first; tag <= last; ++tag) {
        const std::uint32_t value = property(esys, tag);
        for (int shift = 24; shift >= 0; shift -= 8) {
            const auto character = static_cast<char>(value >> shift);
            if (character != '\0') {
                text += character;
            }
        }
    }
    return text.substr(0, text.find_last_not_of(' ') + 1);
}

std::string most_rsa_bits(const Esys& esys) {
    for (const std::uint16_t bits : std::to_array<std::uint16_t>({4096, 3072, 2048})) {
        if (supports_rsa_bits(esys, bits)) {
            return std::to_string(bits);
        }
    }
    return "0";
}

std::string bank_names(const Esys& esys) {
    std::string names;
    for (const PcrBank& bank : pcr_banks(esys)) {
        names += (names.empty() ? "" : ", ") + hash_text(bank.hash);
    }
    return names;
}

// Part 2 of the TPM 2.0 library specification, 6.13: two 16-bit numbers each.
std::string firmware_version(const Esys& esys) {
    const auto first = property(esys, TPM2_PT_FIRMWARE_VERSION_1);
    const auto second = property(esys, TPM2_PT_FIRMWARE_VERSION_2);
    return fmt::format("{}.{}.{}.{}", first >> 16, first & 0xffff, second >> 16, second & 0xffff);
}

// A proposal: a new key is a file, and the user names it.
std::string proposed_file() {
    const char* home = std::getenv("HOME");
    const std::string folder = home != nullptr && *home == '/' ? home : "";
    return base::file_uri(folder + "/tpm2-key.pem");
}

ListedItem describe_tpm(const Esys& esys) {
    const std::string manufacturer =
        text_property(esys, TPM2_PT_MANUFACTURER, TPM2_PT_MANUFACTURER);
    const std::string vendor =
        text_property(esys, TPM2_PT_VENDOR_STRING_1, TPM2_PT_VENDOR_STRING_4);
    return {proposed_file(),
            fmt::format("TPM 2.0 ({} {})", manufacturer, vendor),
            {{"manufacturer", manufacturer},
             {"vendor", vendor},
             {"firmware", firmware_version(esys)},
             {"rsa-bits", most_rsa_bits(esys)},
             {"pcr-banks", bank_names(esys)},
             {"wrong-secrets", std::to_string(property(esys, TPM2_PT_LOCKOUT_COUNTER))},
             {"most-wrong-secrets", std::to_string(property(esys, TPM2_PT_MAX_AUTH_FAIL))}}};
}

void add_key(const Esys& esys, std::uint32_t handle, std::vector<ListedItem>& to) {
    const auto area =
        read_public_area(read_public(esys, persistent_object(esys, handle)), "the key");
    if (!area) {
        return;  // no key for decrypting, such as the storage root key
    }
    if (!area->is_rsa()) {
        to.push_back({handle_uri(handle),
                      "",
                      {{"curve", std::string(module::curve_name(area->point.curve))},
                       {"policy", area->user_with_auth ? "no" : "yes"}}});
        return;
    }
    const char* hash = module::hash_name(area->padding);
    to.push_back({handle_uri(handle),
                  "",
                  {{"bits", std::to_string(8 * area->numbers.modulus.size())},
                   {"padding", hash == nullptr ? "pkcs1" : fmt::format("oaep-{}", hash)},
                   {"policy", area->user_with_auth ? "no" : "yes"}}});
}

std::vector<ListedItem> collect(const Esys& esys, ecryptfs_pki_item_kind kind) {
    std::vector<ListedItem> items;
    if (kind == ECRYPTFS_PKI_TOKENS) {
        items.push_back(describe_tpm(esys));
    } else {
        for (const std::uint32_t handle : persistent_handles(esys)) {
            add_key(esys, handle, items);
        }
    }
    return items;
}

}  // namespace

base::Result<void> list(ecryptfs_pki_item_kind kind, ecryptfs_pki_take_item take, void* context) {
    std::vector<ListedItem> items;
    try {
        Tpm::find_or_create(default_tcti())->with_connection([&](TpmConnection& connection) {
            items = collect(connection.esys(), kind);
        });
    } catch (const TpmFailure& failure) {
        const bool no_tpm = failure.kind() == TpmError::kUnreachable &&
                            failure.error().code == base::ErrorCode::kNotFound;
        if (!no_tpm) {
            return std::unexpected(failure.error());
        }
    }
    std::ranges::for_each(
        items, [&](const ListedItem& item) { module::report_item(item, take, context); });
    return {};
}

}  // namespace ecryptfs::tpm2_module
