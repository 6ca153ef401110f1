// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/locator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <set>

#include "ecryptfs_pki_module.h"
#include "lib/base/file_uri.h"
#include "lib/base/number.h"
#include "lib/base/percent.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::tpm2_module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::string_view kHandleScheme = "handle:";
constexpr const char* kTctiVariable = "ECRYPTFS_TPM2_TCTI";
constexpr const char* kUsualTcti = "device:/dev/tpmrm0";

// Part 2 of the TPM 2.0 library specification, 7.2: TPM_HT_PERSISTENT.
constexpr std::uint32_t kPersistentMask = 0xff000000;
constexpr std::uint32_t kPersistent = 0x81000000;

constexpr auto kWithoutDevice =
    std::to_array<std::string_view>({"cmd", "mssim", "swtpm", "tabrmd"});

// tpm2-tss also takes the file name of a TCTI's library: libtss2-tcti-device.so.0.
std::string_view tcti_name(std::string_view name) {
    constexpr std::string_view kLibrary = "libtss2-tcti-";
    return name.starts_with(kLibrary)
               ? name.substr(kLibrary.size(), name.find(".so") - kLibrary.size())
               : name;
}

Error refused(std::string_view uri, std::string_view why) {
    return {ErrorCode::kInvalidArgument, fmt::format("\"{}\" {}", module::shown(uri), why),
            "name a TSS2 PEM file, as file:///absolute/path, or a persistent object, as "
            "handle:0x81000001"};
}

Result<void> read_attribute(std::string_view attribute, std::string_view uri, Locator& to) {
    const auto equals = attribute.find('=');
    const std::string_view name = attribute.substr(0, equals);
    const auto value =
        base::percent_decoded(equals == std::string_view::npos ? "" : attribute.substr(equals + 1));
    if (!value || value->empty() || value->contains('\0')) {
        return std::unexpected(refused(uri, fmt::format("gives \"{}\" no value", name)));
    }
    if (name == "tcti") {
        to.tcti = *value;
    } else if (name == "pcrs") {
        to.pcrs = *value;
    } else if (name == "auth" && *value == "none") {
        to.without_pin = true;
    } else {
        return std::unexpected(
            refused(uri, fmt::format("asks for \"{}\", which is not known", attribute)));
    }
    return {};
}

// Of two values of one name another reader than ours might take the other one.
Result<void> read_query(std::string_view query, std::string_view uri, Locator& to) {
    std::set<std::string_view> names;
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto attribute = query.substr(0, end);
        if (const auto name = attribute.substr(0, attribute.find('='));
            !names.insert(name).second) {
            return std::unexpected(refused(uri, fmt::format("gives \"{}\" twice", name)));
        }
        TRY(read_attribute(attribute, uri, to));
        query = end == std::string_view::npos ? "" : query.substr(end + 1);
    }
    return {};
}

Result<std::uint32_t> parse_handle(std::string_view text, std::string_view uri) {
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    const std::string_view digits = hexadecimal ? text.substr(2) : text;
    const auto handle = base::parse_number<std::uint32_t>(digits, hexadecimal ? 16 : 10);
    if (!handle || (*handle & kPersistentMask) != kPersistent) {
        return std::unexpected(
            refused(uri, "holds no handle of a persistent object (0x81000000 to 0x81ffffff)"));
    }
    return *handle;
}

}  // namespace

std::string Locator::what() const {
    return is_file() ? fmt::format("the key in {}", module::shown(path))
                     : fmt::format("the key at handle 0x{:08x}", handle);
}

std::string default_tcti() {
    const char* set = std::getenv(kTctiVariable);
    return set != nullptr && *set != '\0' ? set : kUsualTcti;
}

std::string tool_command(std::string_view tool, std::string_view tcti, std::string_view arguments) {
    constexpr std::size_t kMost = 60;          // in an advice, of ECRYPTFS_PKI_MAX_TEXT bytes
    const bool is_usual = tcti == kUsualTcti;  // of the tools as well
    return fmt::format(
        "tpm2_{}{} {}", tool,
        is_usual
            ? ""
            : fmt::format(" --tcti {}", tcti.size() <= kMost ? base::shell_word(tcti) : "TCTI"),
        arguments);
}

// A TCTI in the list needs no device. Others may reach a TPM by USB or a serial line. A simulator
// is reached by TCP, unless a path names its socket. "cmd" starts a program.
std::uint32_t tcti_needs(std::string_view tcti) {
    const auto colon = std::min(tcti.find(':'), tcti.size());
    const auto name = tcti_name(tcti.substr(0, colon));
    const auto place = tcti.substr(std::min(colon + 1, tcti.size()));
    std::uint32_t needs = ECRYPTFS_PKI_NEEDS_TPM | ECRYPTFS_PKI_NEEDS_LOCAL_SERVICES;
    const bool is_tpm = name == "device" && (place.empty() || place.starts_with("/dev/tpm"));
    if (!is_tpm && std::ranges::find(kWithoutDevice, name) == kWithoutDevice.end()) {
        needs |= ECRYPTFS_PKI_NEEDS_DEVICES;
    }
    if ((tcti.contains("swtpm") || tcti.contains("mssim")) && !tcti.contains("path=")) {
        needs |= ECRYPTFS_PKI_NEEDS_NETWORK;
    }
    if (name.contains("cmd")) {
        needs |= ECRYPTFS_PKI_NEEDS_PROGRAMS;
    }
    return needs;
}

std::string handle_uri(std::uint32_t handle) {
    return fmt::format("{}0x{:08x}", kHandleScheme, handle);
}

Result<Locator> parse_locator(std::string_view uri) {
    Locator locator;
    locator.tcti = default_tcti();
    // A '?' in a path is written %3F, so the first one begins the query.
    const auto question = uri.find('?');
    const std::string_view place = uri.substr(0, question);
    if (question != std::string_view::npos) {
        TRY(read_query(uri.substr(question + 1), uri, locator));
    }
    if (place.starts_with(kHandleScheme)) {
        const auto handle = TRY(parse_handle(place.substr(kHandleScheme.size()), uri));
        locator.handle = handle;
        return locator;
    }
    auto path = base::path_of_file_uri(place);
    if (!path) {
        return std::unexpected(refused(uri, "is neither a file: URI nor a handle: URI"));
    }
    locator.path = std::move(*path);
    return locator;
}

}  // namespace ecryptfs::tpm2_module
