// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/pcr_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <tss2/tss2_mu.h>

#include <algorithm>
#include <optional>

#include "lib/base/handle.h"
#include "lib/base/hex.h"
#include "lib/base/number.h"
#include "lib/base/try.h"
#include "pki-modules/common/openssl_error.h"
#include "pki-modules/tpm2/tpm_error.h"

namespace ecryptfs::tpm2_module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

struct HashName {
    std::uint16_t hash;
    const char* name;
    const char* openssl_name;
};

constexpr auto kHashes = std::to_array<HashName>({
    {TPM2_ALG_SHA1, "sha1", "SHA1"},
    {TPM2_ALG_SHA256, "sha256", "SHA256"},
    {TPM2_ALG_SHA384, "sha384", "SHA384"},
    {TPM2_ALG_SHA512, "sha512", "SHA512"},
    {TPM2_ALG_SM3_256, "sm3_256", "SM3"},
    {TPM2_ALG_SHA3_256, "sha3_256", "SHA3-256"},
    {TPM2_ALG_SHA3_384, "sha3_384", "SHA3-384"},
    {TPM2_ALG_SHA3_512, "sha3_512", "SHA3-512"},
});

// The PC Client Platform TPM Profile, 4.7: 24 PCRs, three bytes of bits.
constexpr unsigned kPcrCount = 24;

Error bad_selection(std::string_view text, std::string_view why) {
    return {ErrorCode::kInvalidArgument, fmt::format("the PCRs \"{}\" {}", text, why),
            "name a bank and its PCRs, as sha256:7+11"};
}

Bytes compute_hash(base::ByteView bytes, std::uint16_t hash) {
    const auto* known = std::ranges::find(kHashes, hash, &HashName::hash);
    if (known == kHashes.end()) {
        throw base::Failure(
            {ErrorCode::kNotSupported, fmt::format("the hash {} is not known", hash_text(hash))});
    }
    const base::Handle<EVP_MD, EVP_MD_free> digest(module::check_openssl(
        "EVP_MD_fetch", ::EVP_MD_fetch(nullptr, known->openssl_name, nullptr)));
    Bytes result(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    module::check_openssl("EVP_Digest", ::EVP_Digest(bytes.data(), bytes.size(), result.data(),
                                                     &size, digest.get(), nullptr));
    result.resize(size);
    return result;
}

Result<PcrBank> parse_bank(std::string_view text) {
    const auto colon = text.find(':');
    const auto name = text.substr(0, colon);
    const auto* known = std::ranges::find(kHashes, name, &HashName::name);
    if (known == kHashes.end() || colon == std::string_view::npos) {
        return std::unexpected(bad_selection(text, "do not begin with a known bank and a colon"));
    }
    PcrBank bank{known->hash, {}};
    std::string_view left = text.substr(colon + 1);
    while (true) {
        const auto plus = left.find('+');
        const auto digits = left.substr(0, plus);
        const auto number = base::parse_number<unsigned>(digits).value_or(kPcrCount);
        if (number >= kPcrCount) {
            return std::unexpected(bad_selection(
                text, fmt::format("contain \"{}\", which is not a number from 0 to 23", digits)));
        }
        bank.numbers.push_back(number);
        if (plus == std::string_view::npos) {
            break;
        }
        left = left.substr(plus + 1);
    }
    std::ranges::sort(bank.numbers);
    const auto repeated = std::ranges::unique(bank.numbers);
    bank.numbers.erase(repeated.begin(), repeated.end());
    return bank;
}

void append_uint32(Bytes& to, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        to.push_back(static_cast<std::uint8_t>(value >> shift));
    }
}

std::string pcr_line(const PcrValue& value) {
    return fmt::format("PCR {}:{} = {}", hash_text(value.hash), value.number,
                       base::to_hex(value.value));
}

// The value that the lines note for a PCR.
std::optional<Bytes> noted_value(const std::vector<std::string>& lines, const PcrValue& pcr) {
    const std::string start = fmt::format("PCR {}:{} = ", hash_text(pcr.hash), pcr.number);
    const auto line = std::ranges::find_if(
        lines, [&](const std::string& candidate) { return candidate.starts_with(start); });
    if (line == lines.end()) {
        return std::nullopt;
    }
    std::string_view digits = std::string_view(*line).substr(start.size());
    digits = digits.substr(0, digits.find_last_not_of(" \r") + 1);
    return base::from_hex(digits);
}

Result<PolicyStep> parse_step(const PolicyCommand& command, const std::string& what) {
    if (command.code == TPM2_CC_PolicyAuthValue) {
        return PolicyStep{PolicyStep::Kind::kAuthValue};
    }
    if (command.code != TPM2_CC_PolicyPCR) {
        return std::unexpected(
            Error{ErrorCode::kNotSupported,
                  fmt::format("{} has a policy with the command 0x{:x}, which is not supported",
                              what, command.code),
                  "use a key without a policy, or with one on PCRs"});
    }
    // The parameters are those that extend the policy's digest: the selection, then the bare
    // digest.
    TPML_PCR_SELECTION selection = {};
    std::size_t used = 0;
    const auto& bytes = command.parameters;
    if (::Tss2_MU_TPML_PCR_SELECTION_Unmarshal(bytes.data(), bytes.size(), &used, &selection) !=
            TSS2_RC_SUCCESS ||
        used == bytes.size()) {
        return std::unexpected(Error{ErrorCode::kInvalidKey, fmt::format("{} is damaged", what),
                                     "restore the file from a backup"});
    }
    const auto split = bytes.begin() + static_cast<std::ptrdiff_t>(used);
    return PolicyStep{PolicyStep::Kind::kPcrs, {bytes.begin(), split}, {split, bytes.end()}};
}

}  // namespace

bool asks_for_pin(const Policy& policy) {
    return std::ranges::find(policy, PolicyStep::Kind::kAuthValue, &PolicyStep::kind) !=
           policy.end();
}

std::string hash_text(std::uint16_t hash) {
    const auto* known = std::ranges::find(kHashes, hash, &HashName::hash);
    return known != kHashes.end() ? known->name : fmt::format("0x{:x}", hash);
}

std::size_t hash_size(std::uint16_t hash) {
    return compute_hash({}, hash).size();
}

Result<PcrSelection> parse_pcr_selection(std::string_view text) {
    PcrSelection selection;
    for (std::string_view left = text;;) {
        const auto comma = left.find(',');
        auto bank = TRY(parse_bank(left.substr(0, comma)));
        selection.push_back(std::move(bank));
        if (comma == std::string_view::npos) {
            return selection;
        }
        left = left.substr(comma + 1);
    }
}

std::string to_text(const PcrSelection& selection) {
    std::string text;
    for (const PcrBank& bank : selection) {
        text += fmt::format("{}{}:{}", text.empty() ? "" : ",", hash_text(bank.hash),
                            fmt::join(bank.numbers, "+"));
    }
    return text;
}

// Part 2 of the TPM 2.0 library specification, 10.9.7: TPML_PCR_SELECTION.
Bytes marshal(const PcrSelection& selection) {
    Bytes bytes;
    append_uint32(bytes, static_cast<std::uint32_t>(selection.size()));
    for (const PcrBank& bank : selection) {
        std::array<std::uint8_t, kPcrCount / 8> bits{};
        for (const unsigned number : bank.numbers) {
            bits.at(number / 8) = static_cast<std::uint8_t>(bits.at(number / 8) | 1U << number % 8);
        }
        bytes.push_back(static_cast<std::uint8_t>(bank.hash >> 8));
        bytes.push_back(static_cast<std::uint8_t>(bank.hash));
        bytes.push_back(bits.size());
        append(bytes, bits);
    }
    return bytes;
}

void unmarshal(base::ByteView bytes, TPML_PCR_SELECTION& to) {
    std::size_t used = 0;
    check_tss("Tss2_MU_TPML_PCR_SELECTION_Unmarshal",
              ::Tss2_MU_TPML_PCR_SELECTION_Unmarshal(bytes.data(), bytes.size(), &used, &to));
}

PcrSelection read_selection(const TPML_PCR_SELECTION& list) {
    PcrSelection selection;
    for (const auto& bank : std::span(list.pcrSelections).first(list.count)) {
        selection.push_back({bank.hash, {}});
        for (unsigned number = 0; number < 8U * bank.sizeofSelect; ++number) {
            if ((bank.pcrSelect[number / 8] >> number % 8 & 1) != 0) {
                selection.back().numbers.push_back(number);
            }
        }
    }
    return selection;
}

PcrSelection unmarshal_selection(base::ByteView bytes) {
    TPML_PCR_SELECTION list = {};
    unmarshal(bytes, list);
    return read_selection(list);
}

Result<Policy> parse_steps(const std::vector<PolicyCommand>& commands, const std::string& what) {
    Policy policy;
    for (const PolicyCommand& command : commands) {
        auto step = TRY(parse_step(command, what));
        policy.push_back(std::move(step));
    }
    return policy;
}

std::vector<PolicyCommand> policy_commands(const Policy& policy) {
    std::vector<PolicyCommand> commands;
    for (const PolicyStep& step : policy) {
        if (step.kind == PolicyStep::Kind::kAuthValue) {
            commands.push_back({TPM2_CC_PolicyAuthValue, {}});
            continue;
        }
        commands.push_back({TPM2_CC_PolicyPCR, step.selection});
        append(commands.back().parameters, step.digest);
    }
    return commands;
}

Bytes values_digest(const std::vector<PcrValue>& values, std::uint16_t hash) {
    Bytes all;
    for (const PcrValue& value : values) {
        append(all, value.value);
    }
    return compute_hash(all, hash);
}

// Part 3 of the TPM 2.0 library specification, 23.7 and 23.14: each command's code and parameters
// extend the digest, which begins as zeros.
Bytes policy_digest(const Policy& policy, std::uint16_t hash) {
    Bytes digest(compute_hash({}, hash).size());
    for (const PolicyCommand& command : policy_commands(policy)) {
        append_uint32(digest, command.code);
        append(digest, command.parameters);
        digest = compute_hash(digest, hash);
    }
    return digest;
}

std::vector<std::string> pcr_note_lines(const std::vector<PcrValue>& values) {
    std::vector<std::string> lines;
    std::ranges::transform(values, std::back_inserter(lines), pcr_line);
    return lines;
}

std::string changed_pcrs(const std::vector<std::string>& lines, const PolicyStep& step,
                         std::uint16_t hash, const std::vector<PcrValue>& now) {
    std::vector<PcrValue> then;
    for (const PcrValue& pcr : now) {
        auto value = noted_value(lines, pcr);
        if (!value) {
            return {};
        }
        then.push_back({pcr.hash, pcr.number, std::move(*value)});
    }
    if (values_digest(then, hash) != step.digest) {
        return {};
    }
    std::string changed;
    for (std::size_t i = 0; i < now.size(); ++i) {
        if (now[i].value != then[i].value) {
            changed += fmt::format("{}{}:{}", changed.empty() ? "" : ", ", hash_text(now[i].hash),
                                   now[i].number);
        }
    }
    return changed;
}

}  // namespace ecryptfs::tpm2_module
