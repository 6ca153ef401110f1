// SPDX-License-Identifier: Apache-2.0
//
// The file of a folder key: what is written comes back, and what is not of its form is refused.

#include "lib/folderkey/folder_key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "lib/base/base64url.h"
#include "lib/folderkey/folder_key.h"
#include "lib/folderkey/key_wrapping.h"
#include "lib/folderkey/passphrase_wrapping.h"
#include "tests/support/bytes.h"
#include "tests/support/matchers.h"
#include "tests/unit/folderkey/test_key.h"

namespace ecryptfs::test {
namespace {

using base::as_bytes;
using base::ErrorCode;
using folderkey::FolderKeyFile;
using folderkey::parse_folder_key_file;
using Json = nlohmann::ordered_json;
using Change = std::function<void(Json&)>;

// With a recipient of each kind.
const FolderKeyFile& complete_file() {
    static const FolderKeyFile made = [] {
        auto sealed = folderkey::seal_folder_key(folderkey::create_folder_key().value()).value();
        const auto content_key = sealed.content_key.view();
        auto& recipients = sealed.file.recipients;
        recipients.push_back(
            folderkey::wrap_with_passphrase(content_key, as_bytes("geheim"), 100'000).value());
        recipients.back().is_recovery = true;
        for (const auto kind : {pki::PublicKeyKind::kRsa, pki::PublicKeyKind::kP256,
                                pki::PublicKeyKind::kP384, pki::PublicKeyKind::kX25519}) {
            recipients.push_back(folderkey::wrap_for_key(content_key, TestKey(kind).public_key(),
                                                         pki::OaepDigest::kSha256)
                                     .value());
            recipients.back().module = "openssl";
            recipients.back().locator = "file:///home/ada/key.pem";
        }
        for (std::size_t i = 0; i < recipients.size(); ++i) {
            recipients[i].kid = "kid" + std::to_string(i);
        }
        return std::move(sealed.file);
    }();
    return made;
}

std::string complete_text() {
    return folderkey::encode_folder_key_file(complete_file()).value();
}

std::string changed(const Change& change) {
    auto json = Json::parse(complete_text());
    change(json);
    return json.dump();
}

std::string with_protected(const std::function<void(Json&)>& change) {
    return changed([&](Json& json) {
        const auto bytes = base::from_base64url(json["protected"].get<std::string>()).value();
        auto header = Json::parse(bytes);
        change(header);
        json["protected"] = base::to_base64url(as_bytes(header.dump()));
    });
}

TEST(FolderKeyFile, WrittenFileComesBack) {
    const auto text = complete_text();
    const auto read = parse_folder_key_file(text);
    ASSERT_THAT(read, Succeeds());
    EXPECT_EQ(folderkey::encode_folder_key_file(*read), text);
    EXPECT_EQ(read->folder_id, complete_file().folder_id);
    EXPECT_EQ(read->contents_signature, complete_file().contents_signature);
    ASSERT_EQ(read->recipients.size(), 5U);
    EXPECT_TRUE(read->recipients[0].is_recovery);
    EXPECT_EQ(read->recipients[1].locator, "file:///home/ada/key.pem");
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(read->recipients[i].ephemeral_key, complete_file().recipients[i].ephemeral_key);
    }
}

TEST(FolderKeyFile, ParametersOfOthersStay) {
    const auto text =
        changed([](Json& json) { json["recipients"][0]["header"]["x:note"] = {{"a", {1, 2}}}; });
    const auto read = parse_folder_key_file(text).value();
    const auto again = Json::parse(folderkey::encode_folder_key_file(read).value());
    EXPECT_EQ(again["recipients"][0]["header"]["x:note"], Json::parse(R"({"a": [1, 2]})"));
}

TEST(FolderKeyFile, FlattenedFormIsRead) {
    const auto text = changed([](Json& json) {
        const Json first = json["recipients"][0];
        json.erase("recipients");
        json["header"] = first["header"];
        json["header"].erase("kid");
        json["encrypted_key"] = first["encrypted_key"];
    });
    const auto read = parse_folder_key_file(text);
    ASSERT_THAT(read, Succeeds());
    ASSERT_EQ(read->recipients.size(), 1U);
    EXPECT_EQ(read->recipients[0].kid, "recipient-1");
}

TEST(FolderKeyFile, CriticalParametersOfOursAreUnderstood) {
    EXPECT_THAT(parse_folder_key_file(with_protected([](Json& header) {
                    header["crit"] = {"ecryptfs:version", "ecryptfs:folder"};
                })),
                Succeeds());
}

TEST(FolderKeyFile, ForbiddenProtectedHeadersAreRefused) {
    const std::vector<std::pair<Change, const char*>> rows = {
        {[](Json& header) { header["zip"] = "DEF"; }, "compressed"},
        {[](Json& header) {
             header["crit"] = {"exp"};
             header["exp"] = 1;
         },
         "critical"},
        {[](Json& header) { header["crit"] = Json::array(); }, "crit"},
        {[](Json& header) { header["crit"] = 1; }, "crit"},
        {[](Json& header) { header["alg"] = "dir"; }, "alg"},
        {[](Json& header) { header["enc"] = "A128CBC-HS256"; }, "enc"},
        {[](Json& header) { header.erase("enc"); }, "\"enc\" is missing"},
        {[](Json& header) { header["typ"] = "JOSE"; }, "another kind of file"},
        {[](Json& header) { header["ecryptfs:version"] = 2; }, "newer program"},
        {[](Json& header) { header["ecryptfs:version"] = -1; }, "version"},
        {[](Json& header) { header["ecryptfs:version"] = "1"; }, "version"},
        {[](Json& header) { header["ecryptfs:folder"] = "AAAA"; }, "16 to 16 bytes"},
        {[](Json& header) { header["ecryptfs:contents"] = "FFFF"; }, "signature"},
        {[](Json& header) { header.erase("ecryptfs:names"); }, "missing"},
    };
    for (const auto& [change, message] : rows) {
        EXPECT_THAT(parse_folder_key_file(with_protected(change)),
                    FailsWith(ErrorCode::kMalformed, message));
    }
}

TEST(FolderKeyFile, ForbiddenRecipientsAreRefused) {
    const auto header = [](Json& json, std::size_t at) -> Json& {
        return json["recipients"][at]["header"];
    };
    const std::vector<std::pair<Change, const char*>> rows = {
        {[&](Json& json) { header(json, 0)["alg"] = "none"; }, "not one that is supported"},
        {[&](Json& json) { header(json, 0)["alg"] = "dir"; }, "not one that is supported"},
        {[&](Json& json) { header(json, 1)["alg"] = "RSA1_5"; }, "not one that is supported"},
        {[&](Json& json) { header(json, 0)["zip"] = "DEF"; }, "belongs into"},
        {[&](Json& json) { header(json, 0)["crit"] = {"p2c"}; }, "belongs into"},
        {[&](Json& json) { header(json, 0)["enc"] = "A256GCM"; }, "belongs into"},
        {[&](Json& json) { header(json, 0)["p2c"] = 99'999; }, "p2c"},
        {[&](Json& json) { header(json, 0)["p2c"] = 10'000'001; }, "p2c"},
        {[&](Json& json) { header(json, 0)["p2c"] = 1e6; }, "p2c"},
        {[&](Json& json) { header(json, 0)["p2c"] = 4'294'967'296 + 100'000; }, "p2c"},
        {[&](Json& json) { header(json, 0)["p2s"] = "AAAAAAAAAA"; }, "p2s"},
        {[&](Json& json) { header(json, 0)["ecryptfs:recovery"] = 1; }, "recovery"},
        {[&](Json& json) { header(json, 0)["kid"] = "kid1"; }, "same \"kid\""},
        {[&](Json& json) { header(json, 0)["kid"] = std::string(65, 'k'); }, "kid"},
        {[&](Json& json) { header(json, 2).erase("epk"); }, "epk"},
        {[&](Json& json) { header(json, 2)["epk"] = 1; }, "epk"},
        {[&](Json& json) { header(json, 2)["epk"]["crv"] = "P-521"; }, "curve"},
        {[&](Json& json) { header(json, 2)["epk"]["kty"] = "OKP"; }, "kty"},
        {[&](Json& json) { header(json, 2)["epk"]["x"] = "AAAA"; }, "\"x\""},
        {[&](Json& json) { header(json, 2)["apu"] = "="; }, "apu"},
        {[&](Json& json) { json["recipients"][0]["encrypted_key"] = "AAAA"; }, "encrypted_key"},
        {[&](Json& json) { json["recipients"][1]["encrypted_key"] = "AAAA"; }, "encrypted_key"},
        {[&](Json& json) { json["recipients"][1] = 1; }, "header"},
        {[&](Json& json) { json["recipients"] = Json::array(); }, "1 to 64"},
        {[&](Json& json) { json["recipients"] = Json(65, json["recipients"][0]); }, "1 to 64"},
        {[&](Json& json) { json["header"] = Json::object(); }, "beside"},
        {[&](Json& json) { json["unprotected"] = Json::object(); }, "unprotected"},
        {[&](Json& json) { json["aad"] = "AAAA"; }, "aad"},
        {[&](Json& json) { json["iv"] = "AAAA"; }, "iv"},
        {[&](Json& json) { json["ciphertext"] = "AAAA"; }, "ciphertext"},
        {[&](Json& json) { json["tag"] = "AAAA"; }, "tag"},
        {[&](Json& json) { json["protected"] = "e30="; }, "base64url"},
    };
    for (const auto& [change, message] : rows) {
        EXPECT_THAT(parse_folder_key_file(changed(change)),
                    FailsWith(ErrorCode::kMalformed, message))
            << message;
    }
}

TEST(FolderKeyFile, OtherTextIsRefused) {
    auto twice = complete_text();
    twice.insert(twice.find("\"iv\""), "\"iv\": \"AAAA\", ");
    EXPECT_THAT(parse_folder_key_file(twice), FailsWith(ErrorCode::kMalformed, "a name twice"));
    for (const auto& text :
         {std::string(), std::string("[]"), std::string("{"), std::string(100'000, '['),
          complete_text() + "{}", std::string("{\"protected\": \"\xff\"}")}) {
        EXPECT_THAT(parse_folder_key_file(text),
                    FailsWith(ErrorCode::kMalformed, "folder key file: "));
    }
    EXPECT_THAT(parse_folder_key_file(complete_text() + std::string(256 * 1024, ' ')),
                FailsWith(ErrorCode::kMalformed, "larger"));
}

TEST(FolderKeyFile, FileThatCouldNotBeReadIsNotWritten) {
    auto file = complete_file();
    file.recipients.resize(65, file.recipients[0]);
    EXPECT_THAT(folderkey::encode_folder_key_file(file),
                FailsWith(ErrorCode::kInvalidArgument, "1 to 64"));
    file.recipients.resize(1);
    file.recipients.push_back(file.recipients[0]);
    EXPECT_FALSE(folderkey::encode_folder_key_file(file));
    file.recipients.clear();
    EXPECT_FALSE(folderkey::encode_folder_key_file(file));
}

}  // namespace
}  // namespace ecryptfs::test
