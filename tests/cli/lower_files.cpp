// SPDX-License-Identifier: Apache-2.0

#include "tests/cli/lower_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "lib/base/handle.h"
#include "lib/base/hex.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lower/extent_cipher.h"
#include "lib/lower/file_key.h"
#include "lib/lower/passphrase.h"
#include "tests/cli/support.h"
#include "tests/fakes/command.h"

namespace ecryptfs::test {
namespace {

using base::as_bytes;
using base::value_or_throw;
using lower::BlockCipher;
using lower::kExtentSize;
using ByteVector = std::vector<std::uint8_t>;

constexpr std::size_t kAesBlock = 16;

// D(IV ‖ …) of a block of zeros is what the block cipher alone makes of them, xor the IV.
ByteVector iv_of(lower::ExtentCipher& extents, BlockCipher& ecb, std::uint64_t number) {
    ByteVector chained(kAesBlock);
    ByteVector alone(kAesBlock);
    value_or_throw(extents.decrypt(number, chained));
    value_or_throw(ecb.run({}, ByteVector(kAesBlock), alone));
    for (std::size_t i = 0; i < kAesBlock; ++i) {
        chained[i] ^= alone[i];
    }
    return chained;
}

}  // namespace

void unpack_vector(const std::string& archive, const std::string& folder) {
    std::filesystem::create_directories(folder);
    const auto outcome =
        run({"tar", {"-C", folder, "--xattrs", "-xf", vector_path(archive + ".tar.xz")}});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

std::string difference(const std::string& left, const std::string& right) {
    const auto outcome = run({"diff", {"--recursive", "--no-dereference", left, right}});
    return outcome.out + outcome.err;
}

std::string lower_file_of(const ByteVector& plain) {
    std::string file = content_of(vector_path("pass-aes16.header"));
    const auto header = value_or_throw(lower::parse_header(as_bytes(file)));
    const auto fekek = value_or_throw(
        lower::derive_passphrase_key(as_bytes(kCorrectHorsePassphrase), lower::kDefaultSalt));
    const auto key =
        value_or_throw(lower::file_key_from_packet(header.packets.front(), fekek.key.view()));
    auto extents = value_or_throw(lower::ExtentCipher::create(key));
    const auto cipher = [&](BlockCipher::Mode mode, BlockCipher::Direction direction) {
        return value_or_throw(BlockCipher::create(*key.cipher, mode, direction, key.fek.view()));
    };
    auto ecb = cipher(BlockCipher::Mode::kEcb, BlockCipher::Direction::kDecrypt);
    auto cbc = cipher(BlockCipher::Mode::kCbc, BlockCipher::Direction::kEncrypt);

    for (std::size_t i = 0; i < 8; ++i) {
        file[i] = static_cast<char>(std::uint64_t{plain.size()} >> (8 * (7 - i)));
    }
    file.resize(header.size_at_front);
    for (std::size_t at = 0; at < plain.size(); at += kExtentSize) {
        ByteVector extent(kExtentSize);
        std::copy_n(plain.begin() + static_cast<std::ptrdiff_t>(at),
                    std::min(kExtentSize, plain.size() - at), extent.begin());
        value_or_throw(cbc.run(iv_of(extents, ecb, at / kExtentSize), extent, extent));
        file += base::as_text(extent);
    }
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
    // What the kernel put in front of the vector's names, which depends on the key only.
    auto padded =
        base::from_hex("e816252fe3b53e7c5059dbb3245e46055b2736bc2ee98f6d07f7987b362e46").value();
    padded.resize(kAesBlock + (kAesBlock - (kAesBlock + 1 + plain.size()) % kAesBlock) % kAesBlock);
    padded.push_back(0);
    padded.insert(padded.end(), plain.begin(), plain.end());
    const auto fnek =
        value_or_throw(lower::derive_passphrase_key(as_bytes(kBatteryStaple), lower::kNameSalt));
    constexpr std::uint8_t kAes256 = 9;
    auto ecb = value_or_throw(
        BlockCipher::create(*lower::find_cipher(kAes256), BlockCipher::Mode::kEcb,
                            BlockCipher::Direction::kEncrypt, fnek.key.view().first(32)));
    value_or_throw(ecb.run({}, padded, padded));
    return lower::encode_encrypted_name({fnek.signature, kAes256, padded});
}

}  // namespace ecryptfs::test
