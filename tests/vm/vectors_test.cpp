// SPDX-License-Identifier: Apache-2.0
//
// Files that ecryptfs-utils wrote, opened with the same key: added to the agent, or by the token
// that ecryptfs-utils made, which the agent answers without being told of it.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <ostream>

#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/keyring.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kRecoverySignature[] = "4effbc23256b813d";

struct Tree {
    const char* name;
    const char* key;
    const char* passphrase;
    const char* signature;
};

constexpr Tree kRsa1024{"rsa1024-aes16", "k1024.pem", "secret", "bff98d7544e350ea"};
constexpr Tree kRsa2048{"rsa2048-aes16", "k2048.pem", "secret", "fe3467554552491d"};
constexpr Tree kRsa2048Pkcs8{"rsa2048p8-aes32", "k2048p8.pem", "p8secret", "29fd6422340cb71e"};
constexpr Tree kRsaPlusPassphrase{"rsa-plus-pass", "k2048.pem", "secret", "fe3467554552491d"};

void PrintTo(const Tree& tree, std::ostream* stream) {  // NOLINT(readability-identifier-naming)
    *stream << tree.name;
}

// The options of ecryptfs-utils' mount, from its line in /proc/mounts. Not ecryptfs_unlink_sigs,
// which takes the keys away when it is unmounted.
std::string recorded_options(const Tree& tree) {
    std::ifstream line(vector_file(fmt::format("{}.mount", tree.name)));
    std::string options;
    line >> options >> options >> options >> options;
    const auto first = options.find("ecryptfs_sig");
    return options.substr(first, options.find(",ecryptfs_unlink_sigs") - first);
}

bool has_passphrase(const Tree& tree) {
    return recorded_options(tree).find(kRecoverySignature) != std::string::npos;
}

std::size_t file_count() {
    return files_in(plain_tree()).size();
}

class Vectors : public OnTheRealKernel, public testing::WithParamInterface<Tree> {
  protected:
    Vectors() : mount_(session_, "vectors"), key_file_(install_key(alice(), GetParam().key)) {}

    void SetUp() override {
        OnTheRealKernel::SetUp();
        unpack(alice(), fmt::format("{}.lower.tar.xz", GetParam().name), mount_.lower());
        if (has_passphrase(GetParam())) {
            load_token(session_, GetParam().name, kRecoverySignature);
        }
    }

    UserSession session_{alice()};
    Mount mount_;
    std::string key_file_;
};

TEST_P(Vectors, AddedKeyReadsFilesBack) {
    const auto added = session_.ctl({"add-key", key_file_, "--passphrase-file", "-"},
                                    fmt::format("{}\n", GetParam().passphrase));
    ASSERT_EQ(added.exit_code, 0) << added.err;
    EXPECT_EQ(added.out, fmt::format("{}\n", GetParam().signature));
    if (GetParam().key == std::string("k1024.pem")) {
        EXPECT_THAT(added.err, HasSubstr("1024"));
    } else {
        EXPECT_THAT(added.err, IsEmpty());
    }

    mount_.mount(recorded_options(GetParam()));
    EXPECT_EQ(difference(alice(), plain_tree(), mount_.upper()), "");
}

TEST_P(Vectors, EcryptfsUtilsTokenReadsFilesBack) {
    const auto& signature = GetParam().signature;
    load_token(session_, GetParam().name, signature);
    EXPECT_EQ(session_.key(signature)["state"], "unopened");  // this starts the agent

    mount_.mount(recorded_options(GetParam()));
    EXPECT_EQ(difference(alice(), plain_tree(), mount_.upper()), "");
}

INSTANTIATE_TEST_SUITE_P(Each, Vectors,
                         testing::Values(kRsa1024, kRsa2048, kRsa2048Pkcs8, kRsaPlusPassphrase),
                         [](const auto& tree) {
                             std::string name = tree.param.name;
                             std::erase(name, '-');
                             return name;
                         });

using EcryptfsUtilsToken = Vectors;

TEST_P(EcryptfsUtilsToken, LockStopsOpens) {
    const std::string signature = GetParam().signature;
    load_token(session_, GetParam().name, signature);
    session_.ctl_prints({"lock", signature});
    mount_.mount(recorded_options(GetParam()));
    const auto file = files_in(mount_.upper()).front();
    EXPECT_EQ(open_error(alice(), file), EIO);
    EXPECT_EQ(session_.status()["queue"]["failed_by_reason"]["KeyLocked"], 1);

    session_.ctl_prints({"unlock", signature});  // its passphrase is in the token
    EXPECT_EQ(open_error(alice(), file), 0);
}

INSTANTIATE_TEST_SUITE_P(Each, EcryptfsUtilsToken, testing::Values(kRsa2048));

using TwoKeysForEachFile = Vectors;

TEST_P(TwoKeysForEachFile, RsaKeyAloneOpensFiles) {
    unlink_key(session_, kRecoverySignature);
    const auto signature = session_.add_key(key_file_, GetParam().passphrase);
    mount_.mount(mount_options({signature}));
    EXPECT_EQ(difference(alice(), plain_tree(), mount_.upper()), "");
    EXPECT_EQ(session_.status()["queue"]["answered"], file_count());
}

TEST_P(TwoKeysForEachFile, PassphraseOpensFilesOfLockedRsaKey) {
    const auto signature = session_.add_key(key_file_, GetParam().passphrase);
    session_.ctl_prints({"lock"});
    mount_.mount(recorded_options(GetParam()));
    EXPECT_EQ(difference(alice(), plain_tree(), mount_.upper()), "");
}

INSTANTIATE_TEST_SUITE_P(Each, TwoKeysForEachFile, testing::Values(kRsaPlusPassphrase));

}  // namespace
}  // namespace ecryptfs::vm
