// SPDX-License-Identifier: Apache-2.0

#include "fuse/known_file_keys.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "lib/base/try.h"
#include "lib/wire/tag_packet.h"

namespace ecryptfs::fuse {
namespace {

constexpr std::size_t kSlotSize = wire::kMaxFek;

// Not std::hash: who writes lower files could find two of one hash.
std::array<std::uint8_t, 32> digest(const wire::KeySignature& signature, base::ByteView fek) {
    std::vector<std::uint8_t> bytes(signature.text().begin(), signature.text().end());
    bytes.insert(bytes.end(), fek.begin(), fek.end());
    std::array<std::uint8_t, 32> digest{};
    ::EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, ::EVP_sha256(), nullptr);
    return digest;
}

}  // namespace

base::Result<void> KnownFileKeys::reserve(KnownFileKeys& keys) {
    digest(*wire::KeySignature::from_text("0000000000000000"),
           {});  // has OpenSSL load what it takes
    keys.memory_ = TRY(base::SecretBytes::create(kMostKeys * kSlotSize));
    keys.free_.resize(kMostKeys);
    std::iota(keys.free_.rbegin(), keys.free_.rend(), 0U);
    return {};
}

base::ByteSpan KnownFileKeys::slot(const Entry& entry) {
    return memory_.span().subspan(entry.slot * kSlotSize, kSlotSize);
}

std::optional<lower::FileKey> KnownFileKeys::find(const wire::KeySignature& signature,
                                                  base::ByteView encrypted_fek) {
    const std::lock_guard lock(mutex_);
    const auto found = by_digest_.find(digest(signature, encrypted_fek));
    if (found == by_digest_.end()) {
        return std::nullopt;
    }
    entries_.splice(entries_.begin(), entries_, found->second);
    const auto& entry = *found->second;
    auto fek = base::SecretBytes::copy(slot(entry).first(entry.size));
    return fek ? std::optional(lower::FileKey{entry.cipher, std::move(*fek)}) : std::nullopt;
}

void KnownFileKeys::add(const wire::KeySignature& signature, base::ByteView encrypted_fek,
                        const lower::FileKey& key, std::uint64_t round) {
    const std::lock_guard lock(mutex_);
    const auto name = digest(signature, encrypted_fek);
    if (round != round_ || memory_.empty() || by_digest_.contains(name) ||
        key.fek.size() > kSlotSize) {
        return;
    }
    if (free_.empty()) {
        free_.push_back(entries_.back().slot);
        by_digest_.erase(entries_.back().digest);
        entries_.pop_back();
    }
    entries_.push_front({.digest = name,
                         .signature = signature,
                         .slot = free_.back(),
                         .cipher = key.cipher,
                         .size = static_cast<std::uint8_t>(key.fek.size())});
    free_.pop_back();
    std::ranges::copy(key.fek.view(), slot(entries_.front()).begin());
    by_digest_.emplace(name, entries_.begin());
}

std::uint64_t KnownFileKeys::round() {
    const std::lock_guard lock(mutex_);
    return round_;
}

void KnownFileKeys::forget(const std::optional<wire::KeySignature>& signature) {
    const std::lock_guard lock(mutex_);
    ++round_;
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        if (signature && entry->signature != *signature) {
            ++entry;
            continue;
        }
        ::explicit_bzero(slot(*entry).data(), kSlotSize);
        free_.push_back(entry->slot);
        by_digest_.erase(entry->digest);
        entry = entries_.erase(entry);
    }
}

}  // namespace ecryptfs::fuse
