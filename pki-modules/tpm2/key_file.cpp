// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/key_file.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>

#include "lib/base/handle.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/openssl_error.h"
#include "pki-modules/common/pem_blocks.h"

namespace ecryptfs::tpm2_module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using module::check_openssl;
using module::shown;

using Bio = base::Handle<BIO, BIO_free>;

constexpr std::string_view kLabel = "TSS2 PRIVATE KEY";
// Older than the draft: openssl_tpm2_engine wrote it until 2018.
constexpr std::string_view kOldLabel = "TSS2 KEY BLOB";

// 2.23.133.10.1.3 (loadable), .4 (importable), .5 (sealed data)
constexpr auto kKeyOidStart = std::to_array<std::uint8_t>({0x67, 0x81, 0x05, 0x0a, 0x01});
constexpr std::uint8_t kLoadable = 3;
// 2.23.133.10.2 (loadable) of the old form
constexpr auto kOldKeyOid = std::to_array<std::uint8_t>({0x67, 0x81, 0x05, 0x0a, 0x02});

constexpr char kNotLoadable[] = "holds no key that the TPM can load (but one to import, or data)";
constexpr char kImportAdvice[] = "import the key with the program that made the file";

constexpr std::uint32_t kOwnerHierarchy = 0x40000001;

std::unexpected<Error> damaged(const std::string& path) {
    return std::unexpected(Error{ErrorCode::kInvalidKey,
                                 fmt::format("the TPM key in {} is damaged", shown(path)),
                                 "restore the file from a backup"});
}

std::unexpected<Error> unusable(const std::string& path, std::string_view why,
                                std::string_view advice) {
    return std::unexpected(
        Error{ErrorCode::kInvalidKey, fmt::format("{} {}", shown(path), why), std::string(advice)});
}

void free_text(char* text) {
    OPENSSL_free(text);
}

void free_bytes(unsigned char* bytes) {
    OPENSSL_free(bytes);
}

Result<Bytes> decode_text(const module::PemBlock& block, const std::string& path) {
    const Bio bio(
        check_openssl("BIO_new_mem_buf",
                      ::BIO_new_mem_buf(block.text.data(), static_cast<int>(block.text.size()))));
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    const int result = ::PEM_read_bio(bio.get(), &name, &header, &data, &size);
    const base::Handle<char, free_text> name_owner(name);
    const base::Handle<char, free_text> header_owner(header);
    const base::Handle<unsigned char, free_bytes> data_owner(data);
    if (result <= 0) {
        static_cast<void>(module::OpensslErrors::take());
        return damaged(path);
    }
    return Bytes(data, data + size);
}

Result<void> check_type(DerReader& key, const std::string& path) {
    const auto oid = key.take(kDerOid);
    if (!oid) {
        return damaged(path);
    }
    const bool known = oid->size() == kKeyOidStart.size() + 1 &&
                       std::ranges::equal(oid->first(kKeyOidStart.size()), kKeyOidStart);
    if (!known || oid->back() != kLoadable) {
        return unusable(path, kNotLoadable, kImportAdvice);
    }
    return {};
}

// TPMPolicy ::= SEQUENCE { CommandCode [0] EXPLICIT INTEGER, CommandPolicy [1] EXPLICIT OCTET
// STRING }
std::optional<std::vector<PolicyCommand>> parse_policy(base::ByteView element) {
    std::vector<PolicyCommand> policy;
    auto commands = DerReader(element).take(kDerSequence);
    if (!commands) {
        return std::nullopt;
    }
    for (DerReader left(*commands); !left.empty();) {
        const auto command = left.take(kDerSequence);
        if (!command) {
            return std::nullopt;
        }
        DerReader fields(*command);
        const auto code_field = fields.take(der_explicit(0));
        const auto parameter_field = fields.take(der_explicit(1));
        if (!code_field || !parameter_field) {
            return std::nullopt;
        }
        const auto code = DerReader(*code_field).take_uint32();
        const auto parameters = DerReader(*parameter_field).take(kDerOctetString);
        if (!code || !parameters) {
            return std::nullopt;
        }
        policy.push_back({*code, {parameters->begin(), parameters->end()}});
    }
    return policy;
}

std::optional<bool> parse_boolean(base::ByteView element) {
    const auto value = DerReader(element).take(kDerBoolean);
    if (!value || value->size() != 1) {
        return std::nullopt;
    }
    return value->front() != 0;
}

// The optional fields in their order. Skips those that we do not need: secret [2], authPolicy [3],
// which offers alternative policies, description [4], and fields of later versions.
bool parse_optional_fields(DerReader& reader, KeyFile& key) {
    constexpr unsigned kMost = 30;  // the last number that X.690 writes in one byte
    for (unsigned number = 0; number <= kMost; ++number) {
        if (!reader.has_next(der_explicit(number))) {
            continue;
        }
        const auto field = reader.take(der_explicit(number));
        if (!field) {
            return false;
        }
        if (number == 0 || number == 5) {
            const auto value = parse_boolean(*field);
            (number == 0 ? key.empty_auth : key.rsa_parent) = value.value_or(false);
            if (!value) {
                return false;
            }
        } else if (number == 1) {
            auto policy = parse_policy(*field);
            if (!policy) {
                return false;
            }
            key.policy = std::move(*policy);
        }
    }
    return true;
}

void set_parts(KeyFile& key, std::uint32_t parent, base::ByteView public_area,
               base::ByteView private_area) {
    key.parent = parent == 0 ? kOwnerHierarchy : parent;
    key.public_area.assign(public_area.begin(), public_area.end());
    key.private_area.assign(private_area.begin(), private_area.end());
}

Result<KeyFile> parse_der(base::ByteView bytes, const std::string& path) {
    const auto sequence = DerReader(bytes).take(kDerSequence);
    if (!sequence) {
        return damaged(path);
    }
    DerReader reader(*sequence);
    TRY(check_type(reader, path));
    KeyFile key;
    if (!parse_optional_fields(reader, key)) {
        return damaged(path);
    }
    const auto parent = reader.take_uint32();
    const auto public_area = reader.take(kDerOctetString);
    const auto private_area = reader.take(kDerOctetString);
    if (!parent || !public_area || !private_area) {
        return damaged(path);
    }
    set_parts(key, *parent, *public_area, *private_area);
    return key;
}

// SEQUENCE { type, emptyAuth [0], parent [1], public area [2], private area }, the first two fields
// optional.
Result<KeyFile> parse_old_der(base::ByteView bytes, const std::string& path) {
    auto reader = DerReader(DerReader(bytes).take(kDerSequence).value_or(base::ByteView{}));
    const auto oid = reader.take(kDerOid);
    if (!oid) {
        return damaged(path);
    }
    if (!std::ranges::equal(*oid, kOldKeyOid)) {
        return unusable(path, kNotLoadable, kImportAdvice);
    }
    KeyFile key;
    if (const auto field = reader.take(der_explicit(0))) {
        key.empty_auth = parse_boolean(*field).value_or(false);
    }
    std::optional<std::uint32_t> parent = 0;
    if (const auto field = reader.take(der_explicit(1))) {
        parent = DerReader(*field).take_uint32();
    }
    const auto public_area =
        DerReader(reader.take(der_explicit(2)).value_or(base::ByteView{})).take(kDerOctetString);
    const auto private_area = reader.take(kDerOctetString);
    if (!parent || !public_area || !private_area) {
        return damaged(path);
    }
    set_parts(key, *parent, *public_area, *private_area);
    return key;
}

std::vector<std::string> find_pcr_lines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = text.substr(0, end);
        // A line with dashes could begin a PEM block when it is written.
        if (line.starts_with("PCR ") && line.find('-') == std::string_view::npos) {
            lines.emplace_back(line);
        }
        text = end == std::string_view::npos ? "" : text.substr(end + 1);
    }
    return lines;
}

Bytes encode_policy(const std::vector<PolicyCommand>& policy) {
    Bytes commands;
    for (const PolicyCommand& command : policy) {
        Bytes fields = der(der_explicit(0), der_uint32(command.code));
        append(fields, der(der_explicit(1), der(kDerOctetString, command.parameters)));
        append(commands, der(kDerSequence, fields));
    }
    return der(kDerSequence, commands);
}

Bytes encode_der(const KeyFile& key) {
    Bytes oid(kKeyOidStart.begin(), kKeyOidStart.end());
    oid.push_back(kLoadable);
    const auto boolean = [](bool value) {
        const std::uint8_t byte = value ? 0xff : 0;
        return der(kDerBoolean, {&byte, 1});
    };
    Bytes fields = der(kDerOid, oid);
    append(fields, der(der_explicit(0), boolean(key.empty_auth)));
    if (!key.policy.empty()) {
        append(fields, der(der_explicit(1), encode_policy(key.policy)));
    }
    if (key.rsa_parent) {
        append(fields, der(der_explicit(5), boolean(true)));
    }
    append(fields, der_uint32(key.parent));
    append(fields, der(kDerOctetString, key.public_area));
    append(fields, der(kDerOctetString, key.private_area));
    return der(kDerSequence, fields);
}

}  // namespace

Result<KeyFile> parse_key_file(std::string_view file, const std::string& path) {
    const auto blocks = module::find_pem_blocks(file);
    const auto block = std::ranges::find_if(blocks, [](const module::PemBlock& one) {
        return one.label == kLabel || one.label == kOldLabel;
    });
    if (block == blocks.end()) {
        const bool other_key = std::ranges::any_of(blocks, [](const module::PemBlock& other) {
            return other.label.ends_with("PRIVATE KEY");
        });
        return unusable(
            path,
            other_key ? "holds a private key that is not in the TPM"
                      : "holds no TPM key (a PEM block \"TSS2 PRIVATE KEY\")",
            other_key ? base::kOpensslModuleAdvice : "name the TSS2 PEM file of the key");
    }
    if (!block->complete) {
        return damaged(path);
    }
    const auto bytes = TRY(decode_text(*block, path));
    auto key = block->label == kLabel ? parse_der(bytes, path) : parse_old_der(bytes, path);
    if (key) {
        const auto start = static_cast<std::size_t>(block->text.data() - file.data());
        key->pcr_lines = find_pcr_lines(file.substr(0, start));
    }
    return key;
}

std::string to_pem(const KeyFile& key) {
    const Bytes bytes = encode_der(key);
    const Bio bio(check_openssl("BIO_new", ::BIO_new(::BIO_s_mem())));
    check_openssl("PEM_write_bio", ::PEM_write_bio(bio.get(), std::string(kLabel).c_str(), "",
                                                   bytes.data(), static_cast<long>(bytes.size())));
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    std::string pem;
    for (const std::string& line : key.pcr_lines) {
        pem += line + "\n";
    }
    return pem.append(text, static_cast<std::size_t>(size));
}

}  // namespace ecryptfs::tpm2_module
