// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/client/key_location.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "lib/base/bytes.h"
#include "lib/base/file_uri.h"
#include "lib/base/handle.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::pki {
namespace {

// The usual heading, and one from before 2018.
constexpr std::array<std::string_view, 2> kTss2Headings = {"-----BEGIN TSS2 PRIVATE KEY-----",
                                                           "-----BEGIN TSS2 KEY BLOB-----"};
// Enough for a heading behind comments.
constexpr std::size_t kSniffedSize = 16'384;

bool holds_tpm_key(const std::string& path) {
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return false;
    }
    // The file may be an unencrypted private key.
    auto head = base::SecretBytes::create(kSniffedSize);
    if (!head) {
        return false;
    }
    const auto size = ::pread(file.get(), head->span().data(), head->size(), 0);
    const auto text =
        base::as_text(head->view().first(static_cast<std::size_t>(std::max<ssize_t>(size, 0))));
    return std::ranges::any_of(kTss2Headings, [text](std::string_view heading) {
        return text.find(heading) != std::string_view::npos;
    });
}

}  // namespace

std::string detect_module(std::string_view locator) {
    if (locator.starts_with("pkcs11:")) {
        return "pkcs11";
    }
    if (locator.starts_with("handle:")) {
        return "tpm2";  // of a key that stays in the TPM
    }
    // A query is for the module (docs/tpm2.md).
    const auto path = base::path_of_file_uri(locator.substr(0, locator.find('?')));
    return path && holds_tpm_key(*path) ? "tpm2" : "openssl";
}

}  // namespace ecryptfs::pki
