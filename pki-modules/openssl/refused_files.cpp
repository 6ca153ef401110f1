// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/refused_files.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <optional>

#include "lib/base/secret_slip.h"
#include "lib/base/shell_word.h"
#include "lib/base/verb_advice.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::openssl_module {

using base::Error;
using base::ErrorCode;
using module::PemBlock;
using module::shown;

namespace {

// A kind of PEM block that is no private key that we read, by the end of its label.
struct Refusal {
    std::string_view label_end;
    std::string_view contents;
    std::string_view advice;  // with Words in it
};

constexpr std::string_view kOpenssh = "OPENSSH PRIVATE KEY";
constexpr std::string_view kPrivateKeyAdvice = "name the file that holds the private key";
constexpr std::string_view kOpensshAdvice =
    "convert a copy of the file: cp -p {0} {1} && ssh-keygen -p -m PEM -f {1}";

constexpr auto kRefusals = std::to_array<Refusal>({
    {kOpenssh, "a private key in OpenSSH's own format", kOpensshAdvice},
    {"TSS2 PRIVATE KEY", "a key of the TPM", base::kTpm2ModuleAdvice},
    {"TSS2 KEY BLOB", "a key of the TPM", base::kTpm2ModuleAdvice},
    {"CERTIFICATE", "a certificate and no private key", kPrivateKeyAdvice},
    {"PUBLIC KEY", "a public key and no private key", kPrivateKeyAdvice},
});

bool has_label(const std::vector<PemBlock>& blocks, std::string_view ending) {
    return std::ranges::any_of(
        blocks, [ending](const PemBlock& block) { return block.label.ends_with(ending); });
}

// What DER begins with: a SEQUENCE, and in it (X.690, 8.1.3: after one byte of length, or as many
// as it says) the number of the format's version, if it has one.
std::optional<std::uint8_t> der_version(base::ByteView der) {
    constexpr std::array<std::uint8_t, 2> kSmallInteger{0x02, 1};
    const std::size_t size_of_length = der[1] < 0x80 ? 1 : 1 + (der[1] & 0x7fU);
    const auto inside = der.subspan(std::min(der.size(), 1 + size_of_length));
    const bool has_version = inside.size() > kSmallInteger.size() &&
                             std::ranges::equal(inside.first(kSmallInteger.size()), kSmallInteger);
    return has_version ? std::optional(inside[kSmallInteger.size()]) : std::nullopt;
}

// OpenSSL 3 reads ciphers of 40 bits and RC4 only if it is told to: pkcs-12PbeIds 1, 2, 5 and 6 of
// RFC 7292, appendix C.
bool needs_legacy_ciphers(base::ByteView pkcs12) {
    constexpr std::string_view kPbeIds = "\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01";
    const auto text = base::as_text(pkcs12);
    for (auto at = text.find(kPbeIds); at != std::string_view::npos;
         at = text.find(kPbeIds, at + 1)) {
        const auto which = text.substr(at + kPbeIds.size(), 1);
        if (!which.empty() && std::string_view("\1\2\5\6").contains(which)) {
            return true;
        }
    }
    return false;
}

std::string advice_for_binary(base::ByteView file, const std::string& path) {
    const CommandWords words = command_words(path);
    const auto from_der =
        fmt::format("openssl pkey -inform DER -in {} -aes256 -out {}", words.from, words.to);
    constexpr std::uint8_t kDerSequence = 0x30;
    if (file.size() < 2 || file.front() != kDerSequence) {
        return std::string(kPrivateKeyAdvice);
    }
    const auto version = der_version(file);
    if (version == 3) {  // RFC 7292, 4
        return fmt::format("convert it from PKCS#12: openssl pkcs12 {}-in {} -nocerts -out {}",
                           needs_legacy_ciphers(file) ? "-legacy " : "", words.from, words.to);
    }
    if (version == 0) {  // RFC 5208, 5, and RFC 8017, A.1.2
        return fmt::format("convert it from DER: {}", from_der);
    }
    return fmt::format("if it is a key, convert it from DER: {}", from_der);
}

// The type in an OpenSSH key: its public half comes first, and is never encrypted (PROTOCOL.key of
// OpenSSH).
std::string_view openssh_type(std::string_view pem_text) {
    struct Type {
        std::string_view name;
        std::string_view shown;
    };
    constexpr auto kOthers = std::to_array<Type>({{"ssh-ed25519", "ED25519"},
                                                  {"ecdsa-sha2-nistp521", "EC P-521"},
                                                  {"ssh-dss", "DSA"},
                                                  {"sk-", "a security key"}});
    constexpr std::size_t kStart = 240;  // characters of base64: far into the public half
    std::string text;
    for (const char c : pem_text.substr(std::min(pem_text.find('\n'), pem_text.size()))) {
        if (text.size() < kStart && c > ' ' && c != '-') {
            text += c;
        }
    }
    text.resize(text.size() / 4 * 4);
    std::string decoded(text.size() / 4 * 3, '\0');
    const int size = ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                       reinterpret_cast<const unsigned char*>(text.data()),
                                       static_cast<int>(text.size()));
    decoded.resize(static_cast<std::size_t>(std::max(size, 0)));
    for (const auto& type : kOthers) {
        if (decoded.find(type.name) != std::string::npos) {
            return type.shown;
        }
    }
    return "";
}

// A TPM2B_PUBLIC or TPM2B_PRIVATE, which begin with the size of the rest, or a saved context.
bool is_of_tpm2_tools(base::ByteView file) {
    constexpr std::array<std::uint8_t, 4> kContext{0xba, 0xdc, 0xc0, 0xde};
    base::ByteReader reader(file);
    const auto size = reader.take_big_endian<std::uint16_t>();
    return (size && *size > 2 && *size == reader.left().size()) ||
           (file.size() > kContext.size() &&
            std::ranges::equal(file.first(kContext.size()), kContext));
}

// What is no PEM at all, by its beginning.
std::optional<Error> identify_by_beginning(base::ByteView file, const std::string& path) {
    const auto text = base::as_text(file);
    const auto words = command_words(path);
    const auto holds = [&](std::string_view what, std::string advice) {
        return Error{ErrorCode::kInvalidKey, fmt::format("{} holds {}", shown(path), what),
                     std::move(advice)};
    };
    if (text.starts_with("PuTTY-User-Key-File-")) {
        return holds(
            "a key in PuTTY's own format",
            fmt::format("convert it: puttygen {} -O private-openssh -o {}", words.from, words.to));
    }
    for (const std::string_view type : {"ssh-rsa ", "ssh-ed25519 ", "ecdsa-sha2-", "ssh-dss "}) {
        if (text.starts_with(type)) {
            return holds("a public key of OpenSSH and no private key",
                         std::string(kPrivateKeyAdvice));
        }
    }
    if (is_of_tpm2_tools(file)) {
        return holds("what tpm2-tools keep of a key in the TPM",
                     "make a key file of the key's two parts: tpm2_encodeobject -C PARENT -u "
                     "KEY.pub -r KEY.priv -o KEY.pem");
    }
    const auto slip = base::find_slip(file.first(std::min<std::size_t>(
        file.size(), static_cast<std::size_t>(std::ranges::find(file, '\n') - file.begin()))));
    if (slip && slip->certain && slip->what.contains("UTF")) {
        return Error{ErrorCode::kInvalidKey, fmt::format("{} {}", shown(path), slip->what),
                     base::mending_command(slip->filter, path)};
    }
    return std::nullopt;
}

}  // namespace

CommandWords command_words(const std::string& path) {
    constexpr std::size_t kMost = 60;
    return path.size() <= kMost
               ? CommandWords{base::shell_word(path), base::shell_word(path + ".pem")}
               : CommandWords{"FILE", "FILE.pem"};
}

Error unusable_type(std::string_view type, const std::string& path) {
    return {ErrorCode::kInvalidKey,
            fmt::format("the private key in {} is of type {}; it must be RSA, or P-256, P-384 or "
                        "X25519 for a folder key",
                        shown(path), type),
            base::make_key_file_advice()};
}

Error unusable_file(base::ByteView file, const std::vector<PemBlock>& blocks,
                    const std::string& path) {
    if (has_label(blocks, "DSA PRIVATE KEY")) {
        return unusable_type("DSA", path);
    }
    const auto words = command_words(path);
    const auto openssh = std::ranges::find(blocks, kOpenssh, &PemBlock::label);
    if (openssh != blocks.end()) {
        if (const auto type = openssh_type(openssh->text); !type.empty()) {
            return unusable_type(type, path);
        }
    }
    for (const auto& refusal : kRefusals) {
        if (has_label(blocks, refusal.label_end)) {
            return {ErrorCode::kInvalidKey,
                    fmt::format("{} holds {}", shown(path), refusal.contents),
                    fmt::format(fmt::runtime(refusal.advice), words.from, words.to)};
        }
    }
    if (auto known = blocks.empty() ? identify_by_beginning(file, path) : std::nullopt) {
        return *known;
    }
    return {ErrorCode::kInvalidKey, fmt::format("{} holds no private key in PEM form", shown(path)),
            advice_for_binary(file, path)};
}

}  // namespace ecryptfs::openssl_module
