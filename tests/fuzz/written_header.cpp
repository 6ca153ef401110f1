// SPDX-License-Identifier: Apache-2.0
//
// A header that is made of the input, written and read again.

#include <algorithm>
#include <array>
#include <vector>

#include "lib/lower/header_writer.h"
#include "lib/wire/cipher.h"
#include "tests/fuzz/check.h"

namespace ecryptfs::fuzz {
namespace {

using lower::NewPassphrasePacket;
using lower::NewPublicKeyPacket;

// The input: the header's numbers, then packets.
class Reader {
  public:
    explicit Reader(base::ByteView input) : bytes_(input) {}

    bool empty() const { return bytes_.empty(); }

    template <typename Number>
    Number number() {
        return bytes_.take_big_endian<Number>().value_or(Number{});
    }
    wire::KeySignature signature() { return wire::KeySignature::from_bytes(array<8>()); }
    lower::Salt salt() { return array<lower::Salt{}.size()>(); }
    base::ByteView bytes() {
        const std::size_t size = number<std::uint16_t>();
        return bytes_.take(std::min(size, bytes_.left().size())).value_or(base::ByteView{});
    }

  private:
    template <std::size_t kSize>
    std::array<std::uint8_t, kSize> array() {
        std::array<std::uint8_t, kSize> values{};
        std::ranges::copy(bytes_.take(kSize).value_or(base::ByteView{}), values.begin());
        return values;
    }

    base::ByteReader bytes_;
};

// A header as the kernel reads it, and the bytes that its packets view.
struct Made {
    lower::NewHeader header;
    std::vector<lower::NewKeyPacket> packets = {};
    std::vector<std::vector<std::uint8_t>> feks = {};
};

// Without what looks like a packet's first byte: the reader takes a Tag 1 packet that has a sound
// packet in it for a damaged one.
std::vector<std::uint8_t> public_key_fek(base::ByteView bytes) {
    std::vector<std::uint8_t> fek(bytes.begin(), bytes.end());
    std::ranges::replace(fek, 0x01, 0);
    std::ranges::replace(fek, 0x8c, 0);
    return fek;
}

Made make_header(base::ByteView input) {
    Reader reader(input);
    Made made;
    made.header.plain_size = reader.number<std::uint64_t>();
    made.header.marker = reader.number<std::uint32_t>();
    made.header.flags = reader.number<std::uint32_t>();
    made.header.size_at_front = reader.number<std::uint32_t>();
    while (!reader.empty()) {
        const auto kind = reader.number<std::uint8_t>();
        const auto signature = reader.signature();
        if (kind % 2 == 0) {
            made.feks.push_back(public_key_fek(reader.bytes()));
            made.packets.emplace_back(NewPublicKeyPacket{signature, made.feks.back()});
            continue;
        }
        const auto salt = reader.salt();
        const auto bytes = reader.bytes();
        made.feks.emplace_back(bytes.begin(), bytes.end());
        const auto code = wire::ciphers()[kind / 2 % wire::ciphers().size()].code;
        made.packets.emplace_back(NewPassphrasePacket{signature, code, made.feks.back(), salt});
    }
    made.header.packets = made.packets;
    return made;
}

void require_same_packet(const NewPublicKeyPacket& written, const lower::KeyPacket& read) {
    require(read.kind == lower::PacketKind::kPublicKey && read.signature == written.signature,
            "a public-key packet has its signature");
    require_same(read.encrypted_fek, written.encrypted_fek, "and its encrypted file key");
}

void require_same_packet(const NewPassphrasePacket& written, const lower::KeyPacket& read) {
    require(read.kind == lower::PacketKind::kPassphrase && read.signature == written.signature &&
                read.cipher_code == written.cipher_code,
            "a passphrase packet has its signature and cipher");
    require_same(read.encrypted_fek, written.encrypted_fek, "and its encrypted file key");
    require_same(read.salt, written.salt, "and its salt");
}

void require_same_header(const lower::NewHeader& written, base::ByteView bytes) {
    const auto read = lower::parse_header(bytes);
    require(read.has_value() && !read->damage, "what was written can be read");
    require(read->plain_size == written.plain_size && read->version == 3 &&
                read->flags == (written.flags & 0xffffffU) &&
                read->size_at_front == written.size_at_front,
            "the numbers stay the same");
    require(read->packets.size() == written.packets.size(), "there are as many packets");
    for (std::size_t i = 0; i < written.packets.size(); ++i) {
        std::visit([&](const auto& packet) { require_same_packet(packet, read->packets[i]); },
                   written.packets[i]);
    }
}

}  // namespace

void try_input(base::ByteView input) {
    const auto made = make_header(input);
    auto bytes = lower::encode_header(made.header);
    if (!bytes) {
        require(bytes.error().code == base::ErrorCode::kInvalidArgument, "refused as an argument");
        return;
    }
    require(bytes->size() <= lower::kMaxHeader, "the kernel reads all of it");
    require_same_header(made.header, *bytes);
    bytes->resize(lower::kMaxHeader);  // as in front of the contents
    require_same_header(made.header, *bytes);
}

}  // namespace ecryptfs::fuzz
