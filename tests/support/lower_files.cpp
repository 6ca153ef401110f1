// SPDX-License-Identifier: Apache-2.0

#include "tests/support/lower_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "lib/base/handle.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lower/extent_cipher.h"
#include "lib/lower/extent_offsets.h"
#include "lib/lower/file_key.h"
#include "lib/lower/header_writer.h"
#include "lib/lower/name_key.h"
#include "lib/lower/passphrase.h"
#include "tests/support/files.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {

using base::as_bytes;
using base::value_or_throw;

std::string lower_file_of(const std::vector<std::uint8_t>& plain) {
    std::string file = content_of(vector_path("pass-aes16.header"));
    const auto header = value_or_throw(lower::parse_header(as_bytes(file)));
    const auto fekek = value_or_throw(
        lower::derive_passphrase_key(as_bytes(kCorrectHorsePassphrase), lower::kDefaultSalt));
    const auto key =
        value_or_throw(lower::file_key_from_packet(header.packets.front(), fekek.key.view()));
    auto cipher = value_or_throw(lower::ExtentCipher::create(key));

    std::ranges::copy(lower::encode_plain_size(plain.size()), file.begin());
    file.resize(header.size_at_front);
    auto contents = plain;
    contents.resize(lower::encrypted_size(plain.size()));
    value_or_throw(cipher.encrypt(0, contents));
    file += base::as_text(contents);
    return file;
}

base::UniqueFd make_deep_folders(const std::string& folder, const std::string& name, int depth) {
    base::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < depth; ++i) {
        EXPECT_EQ(::mkdirat(fd.get(), name.c_str(), 0700), 0);
        fd.reset(::openat(fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    return fd;
}

std::string lower_name_of(const std::string& plain) {
    constexpr std::uint8_t kAes256 = 9;
    const auto fnek =
        value_or_throw(lower::derive_passphrase_key(as_bytes(kBatteryStaple), lower::kNameSalt));
    return lower::encode_encrypted_name(value_or_throw(lower::encrypt_name(
        plain, {fnek.signature, wire::find_cipher(kAes256), 32}, fnek.key.view())));
}

}  // namespace ecryptfs::test
