// SPDX-License-Identifier: Apache-2.0

#include "lib/folderkey/folder_key_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/base64url.h"
#include "lib/base/hex.h"

namespace ecryptfs::folderkey {
namespace {

using base::Error;
using base::ErrorCode;
using base::from_base64url;
using base::Result;
using base::to_base64url;
using wire::KeySignature;
using Json = nlohmann::ordered_json;
using Bytes = std::vector<std::uint8_t>;

constexpr char kType[] = "ecryptfs-folder-key";
constexpr char kContentEncryption[] = "A256GCM";
constexpr std::uint64_t kVersion = 1;

// Names of our own header parameters (RFC 7516 section 4.3).
constexpr char kVersionName[] = "ecryptfs:version";
constexpr char kFolderName[] = "ecryptfs:folder";
constexpr char kContentsName[] = "ecryptfs:contents";
constexpr char kNamesName[] = "ecryptfs:names";
constexpr char kModuleName[] = "ecryptfs:module";
constexpr char kLocatorName[] = "ecryptfs:locator";
constexpr char kRecoveryName[] = "ecryptfs:recovery";

constexpr int kMaxDepth = 6;
constexpr std::size_t kMaxText = 4095;
constexpr std::size_t kMaxKid = 64;
constexpr std::size_t kMaxPartyInfo = 256;
constexpr std::size_t kFewestSaltBytes = 8;  // RFC 7518 section 4.8.1.1
constexpr std::size_t kMostSaltBytes = 256;
constexpr std::size_t kWrappedSize = kContentKeySize + 8;  // RFC 3394
constexpr std::size_t kSmallestModulus = 128;
constexpr std::size_t kLargestModulus = 1024;

struct Algorithm {
    KeyWrapping wrapping;
    std::string_view name;
};
constexpr auto kAlgorithms = std::to_array<Algorithm>({
    {KeyWrapping::kRsaOaep, "RSA-OAEP"},
    {KeyWrapping::kRsaOaep256, "RSA-OAEP-256"},
    {KeyWrapping::kEcdhEs, "ECDH-ES+A256KW"},
    {KeyWrapping::kPbes2, "PBES2-HS512+A256KW"},
});
constexpr auto kCurves = std::to_array<pki::PublicKeyKind>(
    {pki::PublicKeyKind::kP256, pki::PublicKeyKind::kP384, pki::PublicKeyKind::kX25519});

[[noreturn]] void refuse(std::string_view what) {
    throw base::Failure({ErrorCode::kMalformed, fmt::format("folder key file: {}", what)});
}

// --- JSON, strictly ---

Json parse_json(std::string_view text, std::string_view what) {
    std::vector<std::set<std::string>> open;  // the names in each object that has not ended
    const auto check = [&](int depth, Json::parse_event_t event, const Json& parsed) {
        if (depth > kMaxDepth) {
            refuse(fmt::format("{} is nested too deeply", what));
        }
        if (event == Json::parse_event_t::object_start) {
            open.emplace_back();
        } else if (event == Json::parse_event_t::object_end) {
            open.pop_back();
        } else if (event == Json::parse_event_t::key &&
                   !open.back().insert(parsed.get<std::string>()).second) {
            refuse(fmt::format("{} has a name twice", what));
        }
        return true;
    };
    Json parsed = Json::parse(text.begin(), text.end(), check);
    if (!parsed.is_object()) {
        refuse(fmt::format("{} is not a JSON object", what));
    }
    return parsed;
}

const Json& member(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) {
        refuse(fmt::format("\"{}\" is missing", name));
    }
    return *found;
}

std::string text_member(const Json& object, const char* name, std::size_t longest = kMaxText) {
    const auto& value = member(object, name);
    if (!value.is_string() || value.get_ref<const std::string&>().size() > longest) {
        refuse(fmt::format("\"{}\" is not a text of at most {} bytes", name, longest));
    }
    return value.get<std::string>();
}

std::string optional_text(const Json& object, const char* name, std::size_t longest = kMaxText) {
    return object.contains(name) ? text_member(object, name, longest) : "";
}

Bytes bytes_member(const Json& object, const char* name, std::size_t fewest, std::size_t most) {
    const auto bytes = from_base64url(text_member(object, name, 4 * most));
    if (!bytes || bytes->size() < fewest || bytes->size() > most) {
        refuse(fmt::format("\"{}\" is not {} to {} bytes in base64url", name, fewest, most));
    }
    return *bytes;
}

Bytes optional_bytes(const Json& object, const char* name, std::size_t most) {
    return object.contains(name) ? bytes_member(object, name, 0, most) : Bytes{};
}

KeySignature signature_member(const Json& object, const char* name) {
    const auto signature = KeySignature::from_text(text_member(object, name));
    if (!signature) {
        refuse(fmt::format("\"{}\": {}", name, signature.error().message));
    }
    return *signature;
}

// --- The protected header ---

// RFC 7515 section 4.1.11: each is in the header, and understood here.
void check_critical(const Json& header) {
    const auto critical = header.find("crit");
    if (critical == header.end()) {
        return;
    }
    constexpr auto kUnderstood =
        std::to_array<std::string_view>({kVersionName, kFolderName, kContentsName, kNamesName});
    if (!critical->is_array() || critical->empty()) {
        refuse("\"crit\" is not a list of names");
    }
    for (const auto& name : *critical) {
        if (!name.is_string() ||
            std::ranges::find(kUnderstood, name.get<std::string>()) == kUnderstood.end()) {
            refuse("a header parameter is critical that is not known here");
        }
    }
}

void parse_protected_header(FolderKeyFile& file) {
    const auto bytes = from_base64url(file.protected_header);
    if (!bytes) {
        refuse("\"protected\" is not base64url");
    }
    const auto header = parse_json(base::as_text(*bytes), "what is in \"protected\"");
    check_critical(header);
    if (header.contains("zip")) {
        refuse("it is compressed, which is not supported");
    }
    if (header.contains("alg")) {
        refuse("\"alg\" is not in the header of each recipient");
    }
    if (text_member(header, "enc") != kContentEncryption) {
        refuse(fmt::format("\"enc\" is not {}", kContentEncryption));
    }
    if (text_member(header, "typ") != kType) {
        refuse(fmt::format("\"typ\" is not {}: this is another kind of file", kType));
    }
    const auto& version = member(header, kVersionName);
    if (!version.is_number_unsigned() || version.get<std::uint64_t>() != kVersion) {
        refuse(fmt::format("\"{}\" is not {}: a newer program may have written it", kVersionName,
                           kVersion));
    }
    const auto id = bytes_member(header, kFolderName, file.folder_id.size(), file.folder_id.size());
    std::ranges::copy(id, file.folder_id.begin());
    file.contents_signature = signature_member(header, kContentsName);
    file.names_signature = signature_member(header, kNamesName);
}

// --- Recipients ---

pki::PublicKey parse_ephemeral_key(const Json& header) {
    const auto& json = member(header, "epk");
    if (!json.is_object()) {
        refuse("\"epk\" is not an object");
    }
    const auto curve = text_member(json, "crv");
    const auto* const kind = std::ranges::find(kCurves, curve, pki::curve_name);
    if (kind == kCurves.end()) {
        refuse("\"epk\" is of a curve that is not P-256, P-384 or X25519");
    }
    const bool has_two = *kind != pki::PublicKeyKind::kX25519;
    if (text_member(json, "kty") != (has_two ? "EC" : "OKP")) {
        refuse("\"epk\" is of the wrong \"kty\"");
    }
    const auto size = pki::shared_secret_size(*kind);
    pki::PublicKey key{*kind, {}, {}, {}};
    const auto x = bytes_member(json, "x", size, size);
    if (!has_two) {
        key.point = x;
        return key;
    }
    const auto y = bytes_member(json, "y", size, size);
    key.point.push_back(4);  // SEC 1 section 2.3.3: not compressed
    key.point.insert(key.point.end(), x.begin(), x.end());
    key.point.insert(key.point.end(), y.begin(), y.end());
    return key;
}

void parse_passphrase_parameters(const Json& header, Recipient& recipient) {
    recipient.salt = bytes_member(header, "p2s", kFewestSaltBytes, kMostSaltBytes);
    const auto& count = member(header, "p2c");
    if (!count.is_number_unsigned() || count.get<std::uint64_t>() < kFewestIterations ||
        count.get<std::uint64_t>() > kMostIterations) {
        refuse(fmt::format("\"p2c\" is not a number from {} to {}", kFewestIterations,
                           kMostIterations));
    }
    recipient.iterations = count.get<std::uint32_t>();
    if (const auto recovery = header.find(kRecoveryName); recovery != header.end()) {
        if (!recovery->is_boolean()) {
            refuse(fmt::format("\"{}\" is not true or false", kRecoveryName));
        }
        recipient.is_recovery = recovery->get<bool>();
    }
}

// What others wrote, for when the file is written again.
std::string other_parameters(Json header) {
    for (const auto* ours : {"alg", "kid", kModuleName, kLocatorName, kRecoveryName, "epk", "apu",
                             "apv", "p2s", "p2c"}) {
        header.erase(ours);
    }
    return header.empty() ? "" : header.dump();
}

// These are for all recipients, or for nobody.
void check_recipient_header(const Json& header) {
    for (const auto* name : {"zip", "enc", "crit", "typ", "cty", kVersionName, kFolderName,
                             kContentsName, kNamesName}) {
        if (header.contains(name)) {
            refuse(fmt::format("a recipient has \"{}\", which belongs into \"protected\"", name));
        }
    }
}

Recipient parse_recipient(const Json& json, std::size_t number) {
    if (!json.is_object() || !member(json, "header").is_object()) {
        refuse("a recipient has no \"header\"");
    }
    const auto& header = member(json, "header");
    check_recipient_header(header);
    const auto name = text_member(header, "alg", kMaxKid);
    const auto* const algorithm = std::ranges::find(kAlgorithms, name, &Algorithm::name);
    if (algorithm == kAlgorithms.end()) {
        refuse("a recipient's \"alg\" is not one that is supported");
    }
    Recipient recipient;
    recipient.wrapping = algorithm->wrapping;
    recipient.kid = optional_text(header, "kid", kMaxKid);
    if (recipient.kid.empty()) {
        recipient.kid = fmt::format("recipient-{}", number);
    }
    recipient.module = optional_text(header, kModuleName);
    recipient.locator = optional_text(header, kLocatorName);
    if (recipient.wrapping == KeyWrapping::kEcdhEs) {
        recipient.ephemeral_key = parse_ephemeral_key(header);
        recipient.sender_info = optional_bytes(header, "apu", kMaxPartyInfo);
        recipient.receiver_info = optional_bytes(header, "apv", kMaxPartyInfo);
    } else if (recipient.wrapping == KeyWrapping::kPbes2) {
        parse_passphrase_parameters(header, recipient);
    }
    const bool is_rsa = recipient.wrapping == KeyWrapping::kRsaOaep ||
                        recipient.wrapping == KeyWrapping::kRsaOaep256;
    recipient.encrypted_key =
        bytes_member(json, "encrypted_key", is_rsa ? kSmallestModulus : kWrappedSize,
                     is_rsa ? kLargestModulus : kWrappedSize);
    recipient.other_parameters = other_parameters(header);
    return recipient;
}

bool has_repeated_kid(const std::vector<Recipient>& recipients) {
    std::set<std::string_view> kids;
    return !std::ranges::all_of(recipients,
                                [&](const auto& each) { return kids.insert(each.kid).second; });
}

std::vector<Recipient> parse_recipients(const Json& json) {
    std::vector<Recipient> recipients;
    const auto list = json.find("recipients");
    if (list == json.end()) {  // flattened: RFC 7516 section 7.2.2
        recipients.push_back(parse_recipient(json, 1));
        return recipients;
    }
    if (json.contains("header") || json.contains("encrypted_key")) {
        refuse("it has a list of recipients, and one beside it");
    }
    if (!list->is_array() || list->empty() || list->size() > kMaxRecipients) {
        refuse(fmt::format("\"recipients\" is not a list of 1 to {}", kMaxRecipients));
    }
    for (const auto& each : *list) {
        recipients.push_back(parse_recipient(each, recipients.size() + 1));
    }
    if (has_repeated_kid(recipients)) {
        refuse("two recipients have the same \"kid\"");
    }
    return recipients;
}

FolderKeyFile parse_file(std::string_view text) {
    const auto json = parse_json(text, "it");
    for (const auto* name : {"unprotected", "aad"}) {
        if (json.contains(name)) {
            refuse(fmt::format("it has \"{}\", which is not supported", name));
        }
    }
    FolderKeyFile file;
    file.protected_header = text_member(json, "protected");
    parse_protected_header(file);
    file.recipients = parse_recipients(json);
    file.nonce = bytes_member(json, "iv", kNonceSize, kNonceSize);
    file.ciphertext = bytes_member(json, "ciphertext", kContentSize, kContentSize);
    file.tag = bytes_member(json, "tag", kTagSize, kTagSize);
    return file;
}

// --- Writing ---

Json ephemeral_key_json(const pki::PublicKey& key) {
    const base::ByteView point(key.point);
    const auto size = pki::shared_secret_size(key.kind);
    if (key.kind == pki::PublicKeyKind::kX25519) {
        return {{"kty", "OKP"}, {"crv", pki::curve_name(key.kind)}, {"x", to_base64url(point)}};
    }
    return {{"kty", "EC"},
            {"crv", pki::curve_name(key.kind)},
            {"x", to_base64url(point.subspan(1, size))},
            {"y", to_base64url(point.subspan(1 + size))}};
}

Json recipient_json(const Recipient& recipient) {
    Json header{{"alg", algorithm_name(recipient.wrapping)}, {"kid", recipient.kid}};
    const auto add_text = [&](const char* name, const std::string& text) {
        if (!text.empty()) {
            header[name] = text;
        }
    };
    const auto add_bytes = [&](const char* name, const Bytes& bytes) {
        add_text(name, to_base64url(bytes));
    };
    add_text(kModuleName, recipient.module);
    add_text(kLocatorName, recipient.locator);
    if (recipient.wrapping == KeyWrapping::kEcdhEs) {
        header["epk"] = ephemeral_key_json(recipient.ephemeral_key);
        add_bytes("apu", recipient.sender_info);
        add_bytes("apv", recipient.receiver_info);
    } else if (recipient.wrapping == KeyWrapping::kPbes2) {
        add_bytes("p2s", recipient.salt);
        header["p2c"] = recipient.iterations;
        if (recipient.is_recovery) {
            header[kRecoveryName] = true;
        }
    }
    if (!recipient.other_parameters.empty()) {
        header.update(Json::parse(recipient.other_parameters));
    }
    return {{"header", header}, {"encrypted_key", to_base64url(recipient.encrypted_key)}};
}

}  // namespace

std::string_view algorithm_name(KeyWrapping wrapping) {
    return std::ranges::find(kAlgorithms, wrapping, &Algorithm::wrapping)->name;
}

std::string make_protected_header(const FolderKeyFile& file) {
    const Json header{{"enc", kContentEncryption},
                      {"typ", kType},
                      {kVersionName, kVersion},
                      {kFolderName, to_base64url(file.folder_id)},
                      {kContentsName, file.contents_signature.value().text()},
                      {kNamesName, file.names_signature.value().text()}};
    return to_base64url(base::as_bytes(header.dump()));
}

Result<FolderKeyFile> parse_folder_key_file(std::string_view text) {
    try {
        if (text.size() > kMaxFileSize) {
            refuse(fmt::format("it is larger than {} bytes", kMaxFileSize));
        }
        return parse_file(text);
    } catch (const base::Failure& failure) {
        return std::unexpected(failure.error());
    } catch (const Json::parse_error& wrong) {  // whose text may have parts of what is a secret
        return std::unexpected(
            Error{ErrorCode::kMalformed,
                  fmt::format("folder key file: it is not JSON (byte {})", wrong.byte)});
    } catch (const Json::exception& wrong) {
        return std::unexpected(
            Error{ErrorCode::kMalformed, fmt::format("folder key file: {}", wrong.what())});
    }
}

Result<std::string> encode_folder_key_file(const FolderKeyFile& file) {
    if (file.recipients.empty() || file.recipients.size() > kMaxRecipients ||
        has_repeated_kid(file.recipients)) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("a folder key has 1 to {} recipients, each once", kMaxRecipients)});
    }
    Json recipients = Json::array();
    for (const auto& each : file.recipients) {
        recipients.push_back(recipient_json(each));
    }
    const Json json{{"protected", file.protected_header},
                    {"recipients", recipients},
                    {"iv", to_base64url(file.nonce)},
                    {"ciphertext", to_base64url(file.ciphertext)},
                    {"tag", to_base64url(file.tag)}};
    try {
        auto text = json.dump(2) + "\n";
        if (text.size() <= kMaxFileSize) {
            return text;
        }
    } catch (const Json::exception&) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "a recipient's locator is not UTF-8",
                                     "rename the key's file or token"});
    }
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument,
              fmt::format("the file would be larger than {} bytes", kMaxFileSize)});
}

const Recipient* find_recipient(const FolderKeyFile& file, std::string_view kid) {
    const auto found = std::ranges::find(file.recipients, kid, &Recipient::kid);
    return found == file.recipients.end() ? nullptr : &*found;
}

}  // namespace ecryptfs::folderkey
