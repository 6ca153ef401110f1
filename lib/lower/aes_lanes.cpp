// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/aes_lanes.h"

#ifdef ECRYPTFS_HAS_IPSEC_MB

#include <intel-ipsec-mb.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/base/handle.h"
#include "lib/base/try.h"
#include "lib/lower/header.h"

namespace ecryptfs::lower {
namespace {

using base::ByteSpan;
using base::ByteView;
using base::Result;

constexpr std::size_t kIvBytes = 16;
// Of one MD5 block: the root IV, 16 bytes for a number, and what MD5 adds at the end.
constexpr std::size_t kMd5Block = 64;
constexpr std::size_t kExpandedKey = 256;  // of 15 rounds at most, and room
constexpr std::size_t kTogether = 32;

void free_manager(IMB_MGR* manager) noexcept {
    ::free_mb_mgr(manager);
}

// Each thread has its own. Null if the processor has no AES: the library would be slow then.
IMB_MGR* lane_manager() {
    thread_local const base::Handle<IMB_MGR, free_manager> manager([] {
        IMB_MGR* made = ::alloc_mb_mgr(0);
        if (made == nullptr) {
            return made;
        }
        ::init_mb_mgr_auto(made, nullptr);
        if ((made->features & IMB_FEATURE_AESNI) == 0 || ::imb_get_errno(made) != 0) {
            ::free_mb_mgr(made);
            made = nullptr;
        }
        return made;
    }());
    return manager.get();
}

std::unexpected<base::Error> lane_error() {
    return std::unexpected(
        base::Error{base::ErrorCode::kInternal, "libipsec-mb did not do what it was asked to"});
}

// Ends a message of `size` bytes, 55 at most, as MD5 does (RFC 1321).
void end_md5_block(ByteSpan block, std::size_t size) {
    std::ranges::fill(block.subspan(size), std::uint8_t{0});
    block[size] = 0x80;
    block[56] = static_cast<std::uint8_t>((8 * size) & 0xff);
    block[57] = static_cast<std::uint8_t>((8 * size) >> 8);
}

void expand_key(IMB_MGR* manager, ByteView key, ByteSpan encryption, ByteSpan decryption) {
    switch (key.size()) {
        case IMB_KEY_128_BYTES:
            IMB_AES_KEYEXP_128(manager, key.data(), encryption.data(), decryption.data());
            break;
        case IMB_KEY_192_BYTES:
            IMB_AES_KEYEXP_192(manager, key.data(), encryption.data(), decryption.data());
            break;
        default:
            IMB_AES_KEYEXP_256(manager, key.data(), encryption.data(), decryption.data());
    }
}

using Ivs = std::array<std::array<std::uint8_t, kIvBytes>, kTogether>;

// The decimal number of each extent, filled up by zeros, behind the root IV.
void make_ivs(IMB_MGR* manager, ByteView start, std::uint64_t first, std::size_t count, Ivs& ivs) {
    std::array<std::uint8_t, kMd5Block> block;
    std::ranges::copy(start, block.begin());
    for (std::size_t i = 0; i < count; ++i) {
        const auto field = ByteSpan(block).subspan(kIvBytes, kIvBytes);
        std::ranges::fill(field, std::uint8_t{0});
        auto* const text = reinterpret_cast<char*>(field.data());
        std::to_chars(text, text + field.size(), first + i);
        IMB_MD5_ONE_BLOCK(manager, block.data(), ivs[i].data());
    }
    ::imb_clear_mem(block.data(), block.size());
}

}  // namespace

Result<std::optional<AesLanes>> AesLanes::create(ByteView key) {
    IMB_MGR* const manager = lane_manager();
    const bool has_size = key.size() == IMB_KEY_128_BYTES || key.size() == IMB_KEY_192_BYTES ||
                          key.size() == IMB_KEY_256_BYTES;
    if (manager == nullptr || !has_size) {
        return std::nullopt;
    }
    auto keys = TRY(base::SecretBytes::create(kMd5Block + 2 * kExpandedKey));
    const auto block = keys.span().first(kMd5Block);
    std::ranges::copy(key, block.begin());
    end_md5_block(block, key.size());
    std::array<std::uint8_t, kIvBytes> root;
    IMB_MD5_ONE_BLOCK(manager, block.data(), root.data());
    std::ranges::copy(root, block.begin());
    ::imb_clear_mem(root.data(), root.size());
    end_md5_block(block, 2 * kIvBytes);
    expand_key(manager, key, keys.span().subspan(kMd5Block, kExpandedKey),
               keys.span().last(kExpandedKey));
    return AesLanes(std::move(keys), key.size());
}

Result<void> AesLanes::decrypt(std::uint64_t first, ByteView in, ByteSpan out) const {
    return run(false, first, in, out);
}

Result<void> AesLanes::encrypt(std::uint64_t first, ByteView in, ByteSpan out) const {
    return run(true, first, in, out);
}

Result<void> AesLanes::run(bool encrypts, std::uint64_t first, ByteView in, ByteSpan out) const {
    IMB_MGR* const manager = lane_manager();
    if (manager == nullptr || in.size() != out.size() || in.size() % IMB_AES_BLOCK_SIZE != 0) {
        return lane_error();
    }
    std::array<IMB_JOB, kTogether> jobs{};
    Ivs ivs;
    for (std::size_t done = 0; done < in.size();) {
        std::size_t count = 0;
        for (; count < kTogether && done < in.size(); ++count) {
            const auto size = std::min(kExtentSize, in.size() - done);
            auto& job = jobs[count];
            job.src = in.data() + done;
            job.dst = out.data() + done;
            job.iv = ivs[count].data();
            job.iv_len_in_bytes = kIvBytes;
            job.msg_len_to_cipher_in_bytes = size;
            job.enc_keys = keys_.view().data() + kMd5Block;
            job.dec_keys = keys_.view().data() + kMd5Block + kExpandedKey;
            done += size;
        }
        make_ivs(manager, keys_.view().first(kMd5Block), first, count, ivs);
        const auto finished =
            IMB_SUBMIT_CIPHER_BURST(manager, jobs.data(), static_cast<std::uint32_t>(count),
                                    IMB_CIPHER_CBC, encrypts ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
                                    static_cast<IMB_KEY_SIZE_BYTES>(key_size_));
        if (finished != count) {
            return lane_error();
        }
        first += count;
    }
    return {};
}

}  // namespace ecryptfs::lower

#else

namespace ecryptfs::lower {

base::Result<std::optional<AesLanes>> AesLanes::create(base::ByteView /*key*/) {
    return std::nullopt;
}

// Nobody has an object to call these.
base::Result<void> AesLanes::decrypt(std::uint64_t first, base::ByteView in,
                                     base::ByteSpan out) const {
    return run(false, first, in, out);
}

base::Result<void> AesLanes::encrypt(std::uint64_t first, base::ByteView in,
                                     base::ByteSpan out) const {
    return run(true, first, in, out);
}

base::Result<void> AesLanes::run(bool /*encrypts*/, std::uint64_t /*first*/, base::ByteView /*in*/,
                                 base::ByteSpan /*out*/) const {
    static_cast<void>(key_size_);
    return std::unexpected(base::Error{base::ErrorCode::kInternal, "there is no libipsec-mb"});
}

}  // namespace ecryptfs::lower

#endif
