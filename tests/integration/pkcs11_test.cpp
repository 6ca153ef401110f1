// SPDX-License-Identifier: Apache-2.0
//
// Keys on tokens of SoftHSM, from ecryptfsctl to the kernel.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "lib/base/allowed_libraries.h"
#include "lib/base/error.h"
#include "lib/base/hex.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/softhsm.h"
#include "tests/fakes/memory_searcher.h"
#include "tests/fakes/private_keyrings.h"
#include "tests/integration/agent_test.h"
#include "tests/integration/tokens.h"

namespace ecryptfs::test {
namespace {

using contract::kPin;
using contract::SoftHsm;
using testing::HasSubstr;

constexpr char kUri[] = "pkcs11:token=contract;object=file%20keys";

class Pkcs11Test : public AgentTest {
  protected:
    void SetUp() override {
        static const auto imported = [] {
            auto made = contract::make_rsa_key(2048);
            SoftHsm::instance().import("contract", "file keys", "a1b2",
                                       contract::to_pem(*made, contract::PemForm::kPkcs8));
            return made;
        }();
        rsa_ = imported.get();
    }

    void start(Environment more = {}) {
        more.merge(bus_.environment());
        more["SOFTHSM2_CONF"] = SoftHsm::instance().folder().path("softhsm2.conf").string();
        agent_.emplace(more, kernel_.device());
    }

    // A key on this library's token, which the user allows: it is not root's.
    std::string add_with_library(const std::string& path) {
        return add({std::string(kUri) + "?module-path=" + path, "--allow-library", path}, kPin);
    }

    // Wrapped with PKCS#1 v1.5, as ecryptfs-utils' pkcs11-helper module did.
    Bytes wrapped_by_ecryptfs_utils(const Bytes& file_key) const {
        const auto& folder = SoftHsm::instance().folder();
        folder.write("public.pem", contract::to_public_pem(*rsa_));
        folder.write("file-key", std::string(file_key.begin(), file_key.end()));
        contract::run_program(
            "openssl pkeyutl -encrypt -pkeyopt rsa_padding_mode:pkcs1 -pubin -inkey " +
            folder.path("public.pem").string() + " -in " + folder.path("file-key").string() +
            " -out " + folder.path("wrapped").string());
        std::ifstream file(folder.path("wrapped"), std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    evp_pkey_st* rsa_ = nullptr;
};

TEST_F(Pkcs11Test, LockLeavesPinInNoProcess) {
    constexpr char kTokenCanary[] = "canary-eeH0Uu6ahm";
    start();
    const auto& folder = SoftHsm::instance().folder();
    folder.write("canary.pem", contract::to_pem(*rsa_, contract::PemForm::kPkcs8));
    contract::run_program(std::string("softhsm2-util --init-token --free --so-pin so-pin-123 "
                                      "--label canary --pin ") +
                          kTokenCanary);
    contract::run_program("softhsm2-util --import '" + folder.path("canary.pem").string() +
                          "' --token canary --label k --id c0 --pin " + kTokenCanary);
    const auto signature = add({"pkcs11:token=canary;object=k"}, kTokenCanary);
    expect_round_trip(signature);
    EXPECT_THAT(holders_of(base::as_bytes(kTokenCanary)), HasSubstr("ecryptfs-agent"));
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    EXPECT_EQ(holders_of(base::as_bytes(kTokenCanary)), "");
}

TEST_F(Pkcs11Test, TokenHoldsMorePreciseUri) {
    start();
    const auto signature = add({kUri}, kPin);
    const auto token = read_token(signature);
    const std::string text(token.begin(), token.end());
    EXPECT_THAT(text, HasSubstr("pkcs11:token=contract;serial="));
    EXPECT_THAT(text,
                HasSubstr(";id=%A1%B2;object=file%20keys;type=private?x-mechanism=rsa-oaep-sha1"));
    expect_round_trip(signature);
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    const auto file_key = make_file_key(16);
    const auto encrypted = wrapped(signature, file_key);
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), FailsFor(ErrorCode::kKeyLocked));
    ASSERT_EQ(ctl({"unlock", signature, "--passphrase-file", "-"}, kPin).exit_code, 0);
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), Gives(file_key));
}

TEST_F(Pkcs11Test, WrongPinAddsNothing) {
    start();
    const auto outcome = ctl({"add-key", kUri, "--passphrase-file", "-"}, "111111");
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kWrongSecret)) << outcome.err;
}

TEST_F(Pkcs11Test, CrashOfLibraryLosesNoRequest) {
    const auto flag = folder_.path() / "crash";
    start({{"ECRYPTFS_SHIM_CRASH", flag.string()}});
    const auto signature = add_with_library(ECRYPTFS_SHIM_SO);
    const auto file_key = make_file_key(16);
    const auto encrypted = wrapped(signature, file_key);
    folder_.file("crash", "");
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), Gives(file_key));
    EXPECT_EQ(module("pkcs11")["restarts"], 1);
}

TEST_F(Pkcs11Test, HangOfLibraryLosesNoRequest) {
    const auto flag = folder_.path() / "hang";
    start({{"ECRYPTFS_SHIM_HANG", flag.string()}});
    const auto signature = add_with_library(ECRYPTFS_SHIM_SO);
    const auto file_key = make_file_key(16);
    const auto encrypted = wrapped(signature, file_key);
    folder_.file("hang", "");
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), Gives(file_key));
    EXPECT_EQ(module("pkcs11")["restarts"], 1);
}

// Somebody could exchange it for one that reads the PIN.
TEST_F(Pkcs11Test, LibraryThatOthersCanChangeIsRefused) {
    start();
    using std::filesystem::perms;
    const auto let_all_in = perms::owner_all | perms::group_exec | perms::others_exec;
    std::filesystem::permissions(folder_.path(), let_all_in);
    const auto folder = folder_.path() / "open to all";
    std::filesystem::create_directory(folder);
    const auto library = folder / "library.so";
    std::filesystem::copy_file(ECRYPTFS_SHIM_SO, library);
    const auto add_with = [&](const std::string& path) {
        return ctl(
            {"add-key", std::string(kUri) + "?module-path=" + path, "--passphrase-file", "-"},
            kPin);
    };
    const auto in_open_folder = folder_.path().string() + "/open%20to%20all/library.so";
    allow_library(library);
    EXPECT_EQ(add_with(in_open_folder).exit_code, 0);
    std::filesystem::permissions(folder, perms::all);
    const auto outcome = add_with(in_open_folder);
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kAccessDenied)) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("users other than this one and root can change"));
    const auto link = folder_.path() / "link.so";
    std::filesystem::create_symlink(library, link);
    EXPECT_EQ(add_with(link.string()).exit_code, code(ErrorCode::kAccessDenied));
    std::filesystem::permissions(folder, let_all_in);
    std::filesystem::permissions(library, perms::all);
    EXPECT_EQ(add_with(in_open_folder).exit_code, code(ErrorCode::kAccessDenied));
    std::filesystem::permissions(folder_.path(), perms::owner_all);
    EXPECT_EQ(add_with(in_open_folder).exit_code, 0) << "others do not reach it, as below a home";
    EXPECT_EQ(add_with(std::string("../../../../../../..") + ECRYPTFS_SHIM_SO).exit_code,
              code(ErrorCode::kInvalidArgument));
}

// SoftHSM is registered by the system; a copy of it is any library of the user's own.
TEST_F(Pkcs11Test, OwnLibraryNeedsConsentToOpenKeys) {
    start();
    const auto library = folder_.path() / "my library.so";
    std::filesystem::copy_file("/usr/lib/softhsm/libsofthsm2.so", library);
    const auto link = folder_.path() / "link.so";
    std::filesystem::create_symlink(library, link);
    const auto uri = std::string(kUri) + "?module-path=" + link.string();
    const auto refused = ctl({"add-key", uri, "--passphrase-file", "-"}, kPin);
    EXPECT_EQ(refused.exit_code, code(ErrorCode::kAccessDenied));
    EXPECT_THAT(refused.err, HasSubstr("my library.so belongs to this user: any program of the "
                                       "user's could exchange it"));
    const auto advice = "ecryptfsctl add-key --allow-library '" + library.string() + "' '" + uri +
                        "' --passphrase-file -";
    EXPECT_THAT(refused.err, HasSubstr(": " + advice + "\n"));
    const auto allowed = run({"/bin/sh",
                              {"-c", "ecryptfsctl() { " + ctl_program() + " \"$@\"; }; " + advice},
                              bus_.environment()},
                             kPin);
    ASSERT_EQ(allowed.exit_code, 0) << allowed.err;
    EXPECT_THAT(allowed.err, HasSubstr("may open your keys from now on"));
    const auto signature = allowed.out.substr(0, allowed.out.find('\n'));
    expect_round_trip(signature);
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    EXPECT_EQ(ctl({"unlock", signature, "--passphrase-file", "-"}, kPin).exit_code, 0);
    ASSERT_EQ(agent_->stop(), 0);
    agent_->start_again();
    EXPECT_EQ(ctl({"add-key", uri, "--passphrase-file", "-"}, kPin).exit_code, 0)
        << "it is remembered";
    std::filesystem::copy_file(library, folder_.path() / "other.so");
    const auto other = std::string(kUri) + "?module-path=" + (folder_.path() / "other.so").string();
    EXPECT_EQ(ctl({"add-key", other, "--passphrase-file", "-"}, kPin).exit_code,
              code(ErrorCode::kAccessDenied));
}

// They start hosts without the agent.
TEST_F(Pkcs11Test, OwnLibraryNeedsConsentOfEcryptfsctl) {
    const auto library = folder_.path() / "library.so";
    std::filesystem::copy_file("/usr/lib/softhsm/libsofthsm2.so", library);
    auto environment = bus_.environment();
    environment["SOFTHSM2_CONF"] = SoftHsm::instance().folder().path("softhsm2.conf").string();
    const auto uri = "pkcs11:token=contract;object=made?module-path=" + library.string();
    const auto make = [&](const Arguments& more) {
        Arguments arguments = {"generate-key",
                               "pkcs11",
                               uri,
                               "--module-dir",
                               built("modules"),
                               "--pki-host",
                               host_program(),
                               "--bits",
                               "2048",
                               "--passphrase-file",
                               "-"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run({ctl_program(), arguments, environment}, kPin);
    };
    const auto refused = make({});
    EXPECT_EQ(refused.exit_code, code(ErrorCode::kAccessDenied)) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("ecryptfsctl generate-key --allow-library " +
                                       library.string() + " pkcs11 "));
    const auto made = make({"--allow-library", library.string()});
    EXPECT_EQ(made.exit_code, 0) << made.err;
}

TEST_F(Pkcs11Test, ConsentListOfOthersIsRefused) {
    start();
    const auto library = (folder_.path() / "library.so").string();
    std::filesystem::copy_file("/usr/lib/softhsm/libsofthsm2.so", library);
    allow_library(library);
    const auto list = base::value_or_throw(base::allowed_libraries_path());
    const auto expect_exit = [&](int exit_code, const std::string& words) {
        const auto outcome = ctl(
            {"add-key", std::string(kUri) + "?module-path=" + library, "--passphrase-file", "-"},
            kPin);
        EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr(words));
    };
    using std::filesystem::perms;
    std::filesystem::permissions(list, perms::owner_all | perms::group_write);
    expect_exit(code(ErrorCode::kAccessDenied), "users other than this one could write");
    std::filesystem::permissions(list, perms::owner_all);
    expect_exit(0, "");
    std::filesystem::rename(list, list + ".real");
    std::filesystem::create_symlink(list + ".real", list);
    expect_exit(code(ErrorCode::kAccessDenied), list);
}

TEST_F(Pkcs11Test, EcryptfsUtilsTokensAreServed) {
    start();
    const auto signature = add({kUri}, kPin);
    ASSERT_EQ(ctl({"remove-key", signature}).exit_code, 0);
    const auto listed = contract::run_program("softhsm2-util --show-slots");
    const auto block = listed.substr(0, listed.find("Label:            contract"));
    const auto at = block.rfind("Serial number:    ") + 18;
    const auto serial = block.substr(at, 16);
    std::string blob;
    for (const std::string& field :
         {R"(SoftHSM\x20project/SoftHSM\x20v2/)" + serial + "/contract/A1B2" + '\0',
          std::string("no certificate"), std::string(kPin) + '\0'}) {
        blob += static_cast<char>(field.size() & 0xff);
        blob += static_cast<char>(field.size() >> 8);
        blob += field;
    }
    put_token(signature, "pkcs11-helper", blob);
    const auto file_key = make_file_key(16);
    EXPECT_THAT(kernel_.decrypt(signature, wrapped_by_ecryptfs_utils(file_key)), Gives(file_key));
    expect_round_trip(signature);
    EXPECT_EQ(key(signature)["state"], "unlocked");
    EXPECT_EQ(key(signature)["module"], "pkcs11");
}

}  // namespace
}  // namespace ecryptfs::test
