// SPDX-License-Identifier: Apache-2.0
//
// Two users with an agent each. The kernel asks the agent of whoever opens the file.

#include <gtest/gtest.h>

#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/mount.h"
#include "tests/vm/openers.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

class TwoUsers : public OnTheRealKernel {
  protected:
    UserSession alice_{alice()};
    UserSession bob_{bob()};
    Mount alices_{alice_, "alices"};
    Mount bobs_{bob_, "bobs"};
    std::string alices_key_ = alice_.add_key(install_key(alice(), "k1024.pem"), "secret");
    std::string bobs_key_ = bob_.add_key(install_key(bob(), "k2048p8.pem"), "p8secret");
};

TEST_F(TwoUsers, OthersAgentOpensNoFiles) {
    alices_.mount(mount_options({alices_key_}));
    const auto file = make_files(alice(), alices_.upper(), 1).front();  // that all may read
    alices_.mount_anew();
    const auto before = alice_.status()["queue"];

    EXPECT_EQ(open_error(bob(), file), EIO);
    EXPECT_EQ(alice_.status()["queue"], before);
    EXPECT_EQ(bob_.status()["queue"]["received"], 1);
    EXPECT_EQ(bob_.status()["queue"]["failed_by_reason"]["UnknownKey"], 1);

    EXPECT_EQ(open_error(alice(), file), 0);
    EXPECT_EQ(bob_.status()["queue"]["received"], 1);
}

TEST_F(TwoUsers, BothOpenTheirFilesAtOnce) {
    alices_.mount(mount_options({alices_key_}));
    bobs_.mount(mount_options({bobs_key_}));
    const auto alices_files = make_files(alice(), alices_.upper(), 20);
    const auto bobs_files = make_files(bob(), bobs_.upper(), 20);
    alices_.mount_anew();
    bobs_.mount_anew();

    Openers alices(alice(), alices_files, 4);
    Openers bobs(bob(), bobs_files, 4);
    alices.wait();
    bobs.wait();
    EXPECT_EQ(alices.opened(), 4 * 20) << alices.last_error();
    EXPECT_EQ(bobs.opened(), 4 * 20) << bobs.last_error();
    EXPECT_EQ(alice_.status()["queue"]["answered"], 2 * 20);
    EXPECT_EQ(bob_.status()["queue"]["answered"], 2 * 20);
}

}  // namespace
}  // namespace ecryptfs::vm
