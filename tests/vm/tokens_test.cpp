// SPDX-License-Identifier: Apache-2.0
//
// Keys that are not in files: in a token of SoftHSM, and in the guest's TPM (swtpm behind QEMU's
// device). Made by ecryptfsctl, used by an ordinary user.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "tests/support/wait.h"
#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

constexpr char kPin[] = "1234";

class Tokens : public OnTheRealKernel {
  protected:
    Tokens() : session_(alice()) {}

    void succeed(const Arguments& command) const {
        const auto done = session_.run(command);
        EXPECT_EQ(done.exit_code, 0) << command.front() << ": " << done.err;
    }

    // Gives the new key's URI.
    std::string generate(const Arguments& what, const std::string& secret = "") const {
        Arguments command = {"generate-key", "--module-dir",    ECRYPTFS_MODULE_FOLDER,
                             "--pki-host",   ECRYPTFS_PKI_HOST, "--bits",
                             "2048"};
        command.insert(command.end(), what.begin(), what.end());
        const Arguments ask =
            secret.empty() ? Arguments{"--no-passphrase"} : Arguments{"--passphrase-file", "-"};
        command.insert(command.end(), ask.begin(), ask.end());
        const auto printed = session_.ctl_prints(command, secret + "\n");
        return printed.substr(0, printed.find('\n'));
    }

    // Files are made, and opened after a mount anew; not while the key is locked.
    void expect_to_serve(const std::string& signature) const {
        Mount mount(session_, "tokens");
        mount.mount(mount_options({signature}));
        const auto files = make_files(alice(), mount.upper(), 5);
        mount.mount_anew();
        for (const auto& file : files) {
            EXPECT_EQ(open_error(alice(), file), 0) << session_.log();
        }
        mount.mount_anew();
        session_.ctl_prints({"lock", signature});
        EXPECT_EQ(open_error(alice(), files.front()), EIO);
        session_.ctl_prints({"unlock", signature, "--passphrase-file", "-"},
                            fmt::format("{}\n", kPin));
        EXPECT_EQ(open_error(alice(), files.front()), 0);
    }

    static std::string key_file() { return alice().home() + "/tpm.pem"; }
    void TearDown() override {
        std::filesystem::remove(key_file());
        OnTheRealKernel::TearDown();
    }

    UserSession session_;
};

// The user's own tokens, where SoftHSM looks by itself.
void configure_softhsm(const User& user) {
    EXPECT_EQ(run_as(user,
                     [&] {
                         const auto folder = user.home() + "/.config/softhsm2";
                         std::filesystem::create_directories(folder + "/tokens");
                         std::ofstream(folder + "/softhsm2.conf")
                             << "directories.tokendir = " << folder << "/tokens\n";
                         return 0;
                     }),
              0);
}

TEST_F(Tokens, SoftHsmKeyServesFiles) {
    configure_softhsm(alice());
    succeed({"softhsm2-util", "--init-token", "--free", "--label", "vm", "--pin", kPin, "--so-pin",
             "56789"});
    const auto uri = generate({"pkcs11", "pkcs11:token=vm;object=files"}, kPin);
    EXPECT_THAT(uri, testing::HasSubstr("object=files"));
    const auto signature = session_.add_key(uri, kPin);
    EXPECT_THAT(session_.key(signature)["locator"].get<std::string>(),
                testing::HasSubstr("x-mechanism=rsa-oaep-sha1"));
    expect_to_serve(signature);
}

TEST_F(Tokens, TpmKeyServesFiles) {
    const auto uri = generate({"tpm2", key_file()}, kPin);
    EXPECT_EQ(uri, "file://" + key_file());
    expect_to_serve(session_.add_key(uri, kPin));
}

// PCR 16 is for tests: it can be reset.
TEST_F(Tokens, TpmKeyServesFilesWhilePcrsHold) {
    succeed({"tpm2_pcrreset", "-T", "device:/dev/tpmrm0", "16"});
    const auto uri = generate({"tpm2", key_file(), "--pcrs", "sha256:16"});
    const auto signature = session_.ctl_prints({"add-key", uri}).substr(0, 16);
    Mount mount(session_, "pcrs");
    mount.mount(mount_options({signature}));
    const auto files = make_files(alice(), mount.upper(), 2);
    mount.mount_anew();
    EXPECT_EQ(open_error(alice(), files[0]), 0) << session_.log();

    succeed({"tpm2_pcrextend", "-T", "device:/dev/tpmrm0", "16:sha256=" + std::string(64, '5')});
    mount.mount_anew();
    EXPECT_EQ(open_error(alice(), files[1]), EIO);
    test::wait_until("the log names the PCR", [&] { return session_.log().contains("sha256:16"); });

    succeed({"tpm2_pcrreset", "-T", "device:/dev/tpmrm0", "16"});
    EXPECT_EQ(open_error(alice(), files[1]), 0) << session_.log();
}

}  // namespace
}  // namespace ecryptfs::vm
