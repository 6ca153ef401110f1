// SPDX-License-Identifier: Apache-2.0

#include "cli/output/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): setenv()

#include <ctime>

#include "cli/agent/key_list.h"
#include "cli/files/file_json.h"
#include "cli/mount/json.h"
#include "cli/verbs/generate_key.h"
#include "cli/verbs/status_output.h"
#include "tests/support/documented_json.h"
#include "tests/support/signatures.h"

namespace ecryptfs::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Printable, LeavesOrdinaryTextAlone) {
    EXPECT_EQ(cli::printable("/home/ada/schlüssel 🔑.pem"), "/home/ada/schlüssel 🔑.pem");
}

TEST(Printable, ControlCharactersAreEscaped) {
    EXPECT_EQ(cli::printable("a\x1b[2J\n\r\t\x7f"), "a\\x1b[2J\\x0a\\x0d\\x09\\x7f");
    EXPECT_EQ(cli::printable("\xc2\x9b"), "\\u009b");  // CSI in one character
}

TEST(Printable, DirectionMarksAreEscaped) {
    EXPECT_EQ(cli::printable("a\u202egpj.exe\u202c\u2066b\u2069"),
              "a\\u202egpj.exe\\u202c\\u2066b\\u2069");
}

TEST(Printable, InvalidUtf8IsEscaped) {
    EXPECT_EQ(cli::printable("a\xff\xc3"), "a\\xff\\xc3");
    EXPECT_EQ(cli::printable("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");
    EXPECT_EQ(cli::printable("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");
    EXPECT_EQ(cli::printable("\xe2\x82"), "\\xe2\\x82");
}

TEST(Table, AlignsColumnsByCharacters) {
    cli::Table table({"KEY", "STATE", "WHERE"});
    table.add_row({"ä", "unlocked", "/a"});
    table.add_row({"long one", "x", "/b"});
    EXPECT_EQ(table.text(),
              "KEY       STATE     WHERE\n"
              "ä         unlocked  /a\n"
              "long one  x         /b\n");
}

TEST(Table, AlignsWideCharacters) {
    cli::Table table({"NAME", "STATE"});
    table.add_row({"鍵", "locked"});            // two columns
    table.add_row({"e\u0301t\u00e9", "gone"});  // three: the first accent is a character
    EXPECT_EQ(table.text(),
              "NAME  STATE\n"
              "鍵    locked\n"
              "e\u0301t\u00e9   gone\n");
}

TEST(Table, CutsWideCharactersAtTerminalWidth) {
    cli::Table table({"NAME"});
    table.add_row({"鍵鍵鍵鍵"});
    cli::style_output({.colours = false, .columns = 6, .rows = 24});
    EXPECT_EQ(table.text(), "NAME\n鍵鍵…\n");
    cli::style_output({});
}

TEST(Table, HostileCellStaysInItsRow) {
    cli::Table table({"A", "B"});
    table.add_row({"x\ny", "\x1b[31m"});
    EXPECT_EQ(table.text(2), "  A       B\n  x\\x0ay  \\x1b[31m\n");
}

TEST(Spans, ReadLikeSpeech) {
    EXPECT_EQ(cli::span_in_words(850), "850 us");
    EXPECT_EQ(cli::span_in_words(12'340), "12.3 ms");
    EXPECT_EQ(cli::span_in_words(2'500'000), "2.5 s");
    EXPECT_EQ(cli::span_in_words(180'000'000), "3 min");
    EXPECT_EQ(cli::span_in_words(7'500'000'000), "2 h 5 min");
    EXPECT_EQ(cli::span_in_words(187'200'000'000), "2 d 4 h");
    EXPECT_EQ(cli::latency_in_words(0), "-");
}

TEST(JsonText, ControlCharactersAreEscaped) {
    const cli::MountedFolder mount{"/a\xc2\x9b[31m\u202e\x7f", "/schlüssel\xff", {}};
    const auto text = cli::unmounted_json(mount, {});
    EXPECT_THAT(text, HasSubstr(R"("/a\u009b[31m\u202e\u007f")"));
    EXPECT_THAT(text, HasSubstr(R"("/schl\u00fcssel\ufffd")"));
    const cli::InspectedFile file{.path = "\u2066", .state = cli::FileState::kEmpty};
    EXPECT_THAT(cli::inspected_file_json(file), HasSubstr(R"("\u2066")"));
    EXPECT_THAT(cli::made_key_json({"openssl", "\u2067"}), HasSubstr(R"(\u2067")"));
}

TEST(Times, LocalTimeAndNever) {
    ::setenv("TZ", "UTC-2", 1);
    ::tzset();
    EXPECT_EQ(cli::local_time(1'772'370'309'000'000), "2026-03-01 15:05:09");
    EXPECT_EQ(cli::local_time(0), "never");
}

TEST(KeyList, EmptyListAdvisesAddKey) {
    EXPECT_THAT(cli::key_list_text({}), HasSubstr("ecryptfsctl add-key"));
}

TEST(KeyList, ShowsOneLinePerKey) {
    const std::vector<cli::AgentKey> keys = {{.signature = kSignature,
                                              .module = "openssl",
                                              .locator = "file:///k",
                                              .state = dbus::KeyState::kLocked}};
    EXPECT_EQ(cli::key_list_text(keys),
              "SIGNATURE         MODULE   STATE   EXPIRES  LOCATOR\n"
              "fe3467554552491d  openssl  locked  never    file:///k\n");
}

TEST(StatusText, ShowsWhatTheAgentSays) {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    const cli::ManagerState manager{.version = "0.1.0",
                                    .pid = 77,
                                    .device_path = "/dev/ecryptfs",
                                    .device_state = dbus::kDeviceOpen,
                                    .device_opened_usec = 1'772'370'309'000'000,
                                    .kernel_features = 0x42,
                                    .received = 9,
                                    .in_flight = 1,
                                    .answered = 5,
                                    .failed = {{"KeyLocked", 2}, {"TimedOut", 1}},
                                    .stale = 6,
                                    .late = 7,
                                    .malformed = 8,
                                    .device_losses = 2,
                                    .oldest_age_usec = 1'500};
    const cli::AgentObjects objects{
        .keys = {},
        .modules = {{.name = "openssl",
                     .version = "1",
                     .host_pid = 78,
                     .host_started_usec = 1'772'370'309'000'000,
                     .restarts = 3,
                     .latency = {.median_usec = 900, .p99_usec = 1'000}}}};
    EXPECT_EQ(cli::status_text(manager, objects, {}, 1'772'370'369'000'000),
              "agent    0.1.0, pid 77\n"
              "device   /dev/ecryptfs, open since 2026-03-01 13:05:09 (1 min)\n"
              "kernel   0x42: public-key, device\n"
              "queue    received 9, in flight 1, answered 5, failed 3 (KeyLocked 2, TimedOut 1), "
              "stale 6, late 7, malformed 8, oldest 1.5 ms, device lost 2 times\n"
              "modules\n"
              "  MODULE   VERSION  HOST    UPTIME  RESTARTS  MEDIAN  P99\n"
              "  openssl  1        pid 78  1 min   3         900 us  1.0 ms\n"
              "keys\n"
              "  no keys; add one: ecryptfsctl add-key FILE-OR-URI\n"
              "mounts\n"
              "  none\n");
}

const cli::MountedFolder kMounted{
    "/home/ada/.Secret", "/home/ada/Secret", {.keys = {signature()}, .unlink_keys = true}};

TEST(StatusText, ShowsMountsWithTheirKeys) {
    const std::vector<cli::AgentKey> keys = {
        {.signature = kSignature, .state = dbus::KeyState::kLocked}};
    auto mounted = kMounted;
    mounted.options.keys.push_back(signature("9d59cdc2eaf8d95e"));
    mounted.options.name_keys = {signature("e80b89d3427db0d3")};
    EXPECT_EQ(cli::mounts_text(std::vector{mounted}, keys),
              "  FOLDER            LOWER              WAY     KEYS\n"
              "  /home/ada/Secret  /home/ada/.Secret  kernel  fe3467554552491d (locked), "
              "9d59cdc2eaf8d95e, names e80b89d3427db0d3\n");
    mounted.way = cli::MountWay::kUserSpace;
    EXPECT_THAT(cli::mounts_text(std::vector{mounted}, {}), HasSubstr("  user space  fe34"));
}

TEST(StatusJson, HasTheDocumentedMounts) {
    const auto printed =
        nlohmann::ordered_json::parse(cli::status_json({}, {}, std::vector{kMounted}));
    EXPECT_EQ(printed["mounts"], documented_json("status")["mounts"]);
}

TEST(StatusText, ShowsWhyDeviceIsNotOpen) {
    const cli::ManagerState manager{.device_path = "/dev/ecryptfs",
                                    .device_state = {base::ErrorCode::kDeviceBusy},
                                    .device_message = "another\x1b one holds it"};
    const auto text = cli::status_text(manager, {}, {}, 0);
    EXPECT_THAT(text, HasSubstr("/dev/ecryptfs, not open: another\\x1b one holds it"));
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace ecryptfs::test
