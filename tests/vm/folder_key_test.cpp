// SPDX-License-Identifier: Apache-2.0
//
// The keys of a folder in the kernel's keyring: mount(2) finds them, and nobody reads them.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Its recipient is a key file.
class FolderKeys : public OnTheRealKernel {
  protected:
    FolderKeys() : session_(alice()) {
        ctl({"create-folder-key", file(), "--recipient", install_key(alice(), "k2048.pem"),
             "--quiet"});
        open();
    }
    ~FolderKeys() override { std::filesystem::remove(file()); }

    static std::string file() { return alice().home() + "/folder.jwe"; }

    std::string ctl(Arguments arguments) const {
        arguments.insert(arguments.end(),
                         {"--key-passphrase-file", "-", "--module-dir", ECRYPTFS_MODULE_FOLDER,
                          "--pki-host", ECRYPTFS_PKI_HOST});
        return session_.ctl_prints(arguments, "secret\n");
    }
    void open() {
        const auto added = json::parse(ctl({"add-key", file(), "--json"}));
        contents_ = added["signature"];
        names_ = added["names"];
    }
    std::string options() const {
        return mount_options({contents_}) + ",ecryptfs_fnek_sig=" + names_;
    }
    // Empty if the session does not find it.
    std::string serial(const std::string& signature) const {
        const auto found = session_.run({"keyctl", "search", "@s", "encrypted", signature}).out;
        return found.substr(0, found.find('\n'));
    }

    UserSession session_;
    std::string contents_;
    std::string names_;
};

TEST_F(FolderKeys, MountContentsAndNames) {
    Mount mount(session_, "folder");
    mount.mount(options());
    const auto files = make_files(alice(), mount.upper(), 3);
    for (const auto& lower : files_in(mount.lower())) {
        EXPECT_THAT(lower.filename().string(), StartsWith("ECRYPTFS_FNEK_ENCRYPTED."));
    }
    mount.mount_anew();
    for (const auto& made : files) {
        EXPECT_EQ(open_error(alice(), made), 0);
    }
}

TEST_F(FolderKeys, AreReadAndChangedByNobody) {
    for (const auto& signature : {contents_, names_}) {
        const auto key = serial(signature);
        ASSERT_NE(key, "") << signature;
        for (const Arguments& command :
             {Arguments{"keyctl", "read", key}, Arguments{"keyctl", "print", key},
              Arguments{"keyctl", "setperm", key, "0x3f3f3f3f"},
              Arguments{"keyctl", "update", key, "update user:mine"},
              Arguments{"keyctl", "link", key, "@s"}}) {
            EXPECT_NE(session_.run(command).exit_code, 0) << command[1];
            EXPECT_NE(session_.call_as_root([&] { return run({}, command).exit_code; }), 0)
                << command[1] << " as root";
        }
        EXPECT_THAT(session_.run({"keyctl", "rdescribe", key}).out, HasSubstr(";09000000;"));
    }
}

// Who reads a key has the kernel log which master key it misses: no name that would give it away.
TEST_F(FolderKeys, LeaveNoNameOfTheirMasterKey) {
    session_.run({"keyctl", "print", serial(contents_)});
    const auto log = run({}, {"dmesg"}).out;
    const auto begin = log.find(std::string(200, 'x'));
    if (begin != std::string::npos) {
        const auto end = log.find_first_not_of('x', begin);
        EXPECT_TRUE(end == std::string::npos || log[end] == '\n') << log.substr(begin);
    }
    EXPECT_EQ(session_.run({"grep", "-c", "xxxxxxxxxx", "/proc/keys"}).out, "0\n");
}

TEST_F(FolderKeys, GoWhenEverythingIsLocked) {
    Mount mount(session_, "folder");
    mount.mount(options());
    const auto files = make_files(alice(), mount.upper(), 1);
    session_.ctl_prints({"lock"});
    EXPECT_EQ(serial(contents_) + serial(names_), "");
    mount.unmount();
    open();
    mount.mount(options());
    EXPECT_EQ(open_error(alice(), files.front()), 0);
}

}  // namespace
}  // namespace ecryptfs::vm
