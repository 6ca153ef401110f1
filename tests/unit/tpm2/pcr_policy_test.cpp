// SPDX-License-Identifier: Apache-2.0
//
// Digests of policies: the one of PolicyAuthValue is in the TPM's own test suites; the others were
// computed with Python's hashlib, from Part 3 of the TPM 2.0 library specification, 23.7.

#include "pki-modules/tpm2/pcr_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tss2/tss2_tpm2_types.h>

#include "tests/unit/support.h"

namespace ecryptfs::tpm2_module {
namespace {

using base::ErrorCode;
using test::FailsWith;
using test::hex;
using test::Succeeds;

constexpr char kSelection[] = "00000001 000b 03 800800";  // sha256:7+11
constexpr char kDigest[] = "5189c77d29fe5d546a045ec46986852785fea5c13ac7da9c115ff5fb6edf817c";

std::vector<PcrValue> values() {
    return {{TPM2_ALG_SHA256, 7, Bytes(32, 0x11)}, {TPM2_ALG_SHA256, 11, Bytes(32, 0x22)}};
}

PolicyStep pcr_step() {
    return {PolicyStep::Kind::kPcrs, hex(kSelection), hex(kDigest)};
}

TEST(PcrSelection, IsReadInAnyOrderAndWrittenSorted) {
    const auto selection = parse_pcr_selection("sha256:11+7+7,sha1:0+23");
    ASSERT_THAT(selection, Succeeds());
    EXPECT_EQ(to_text(*selection), "sha256:7+11,sha1:0+23");
}

TEST(PcrSelection, BadSelectionIsRefusedWithReason) {
    for (const auto& [text, problem] : std::to_array<std::pair<const char*, const char*>>({
             {"", "a known bank"},
             {"sha256", "a known bank"},
             {"md5:1", "a known bank"},
             {":1", "a known bank"},
             {"sha256:", "\"\""},
             {"sha256:24", "\"24\""},
             {"sha256:7+", "\"\""},
             {"sha256:7 ", "\"7 \""},
             {"sha256:-1", "\"-1\""},
             {"sha256:7,", "a known bank"},
         })) {
        EXPECT_THAT(parse_pcr_selection(text), FailsWith(ErrorCode::kInvalidArgument, problem))
            << text;
    }
}

TEST(PcrSelection, MarshalsAsTheTpmTakesIt) {
    EXPECT_EQ(marshal(*parse_pcr_selection("sha256:7+11")), hex(kSelection));
    EXPECT_EQ(to_text(unmarshal_selection(hex(kSelection))), "sha256:7+11");
}

TEST(PcrSelection, BadBytesThrow) {
    EXPECT_THROW(unmarshal_selection(hex("00000001 000b")), base::Failure);
}

TEST(PolicyDigest, EqualsTheSpecifications) {
    const PolicyStep auth_value{PolicyStep::Kind::kAuthValue};
    EXPECT_EQ(policy_digest({}, TPM2_ALG_SHA256), Bytes(32, 0));
    EXPECT_EQ(policy_digest({auth_value}, TPM2_ALG_SHA256),
              hex("8fcd2169ab92694e0c633f1ab772842b8241bbc20288981fc7ac1eddc1fddb0e"));
    EXPECT_EQ(values_digest(values(), TPM2_ALG_SHA256), hex(kDigest));
    EXPECT_EQ(policy_digest({pcr_step()}, TPM2_ALG_SHA256),
              hex("8f811cfa40cbc2cae93bb41d35a0bdca4b2a3c00efd726215c1c992d74696cfe"));
    EXPECT_EQ(policy_digest({pcr_step(), auth_value}, TPM2_ALG_SHA256),
              hex("e70a87fbdce4dff8e42b022ef91d1bdb3f076eb942d84bd9fb6b99839cfefcc4"));
}

TEST(PolicyDigest, UnknownHashThrows) {
    EXPECT_THROW(policy_digest({}, TPM2_ALG_RSA), base::Failure);
}

TEST(PolicySteps, RoundTrip) {
    const Policy policy{pcr_step(), {PolicyStep::Kind::kAuthValue}};
    const auto steps = parse_steps(policy_commands(policy), "the key");
    ASSERT_THAT(steps, Succeeds());
    ASSERT_EQ(steps->size(), 2U);
    EXPECT_EQ(steps->front().selection, hex(kSelection));
    EXPECT_EQ(steps->front().digest, hex(kDigest));
    EXPECT_EQ(steps->back().kind, PolicyStep::Kind::kAuthValue);
    EXPECT_TRUE(asks_for_pin(*steps));
    EXPECT_FALSE(asks_for_pin({pcr_step()}));
}

TEST(PolicySteps, UnknownCommandIsRefused) {
    EXPECT_THAT(parse_steps({{TPM2_CC_PolicySecret, {}}}, "the key"),
                FailsWith(ErrorCode::kNotSupported, "the key has a policy with the command 0x151"));
}

TEST(PolicySteps, DamagedSelectionIsRefused) {
    for (const auto* parameters : {"", "00000001 000b", kSelection}) {
        EXPECT_THAT(parse_steps({{TPM2_CC_PolicyPCR, hex(parameters)}}, "the key"),
                    FailsWith(ErrorCode::kInvalidKey, "the key is damaged"))
            << parameters;
    }
}

TEST(PcrNotes, NameChangedPcrs) {
    const auto lines = pcr_note_lines(values());
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines.front(), "PCR sha256:7 = " + base::to_hex(Bytes(32, 0x11)));
    auto now = values();
    EXPECT_EQ(changed_pcrs(lines, pcr_step(), TPM2_ALG_SHA256, now), "");
    now[1].value[31] = 0;
    EXPECT_EQ(changed_pcrs(lines, pcr_step(), TPM2_ALG_SHA256, now), "sha256:11");
    now[0].value[0] = 0;
    EXPECT_EQ(changed_pcrs(lines, pcr_step(), TPM2_ALG_SHA256, now), "sha256:7, sha256:11");
}

TEST(PcrNotes, ForeignNotesSayNothing) {
    auto now = values();
    now[0].value[0] = 0;
    auto other_notes = pcr_note_lines(now);
    EXPECT_EQ(changed_pcrs(other_notes, pcr_step(), TPM2_ALG_SHA256, now), "");
    EXPECT_EQ(changed_pcrs({}, pcr_step(), TPM2_ALG_SHA256, now), "");
    auto lines = pcr_note_lines(values());
    lines[0] += " \r";  // as editors leave it
    EXPECT_EQ(changed_pcrs(lines, pcr_step(), TPM2_ALG_SHA256, now), "sha256:7");
    lines[0] = "PCR sha256:7 = nonsense";
    EXPECT_EQ(changed_pcrs(lines, pcr_step(), TPM2_ALG_SHA256, now), "");
}

}  // namespace
}  // namespace ecryptfs::tpm2_module
