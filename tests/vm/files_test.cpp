// SPDX-License-Identifier: Apache-2.0
//
// The main job: files written and read through a mount, by a key that the agent holds.

#include "tests/vm/files.h"

#include <gtest/gtest.h>

#include "tests/vm/fixture.h"
#include "tests/vm/kernel.h"
#include "tests/vm/mount.h"
#include "tests/vm/openers.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

using Files = OnTheRealKernel;

// Each file costs one request when it is made, and one when it is first opened after a mount.
void expect_requests(const UserSession& session, std::size_t expected) {
    const auto queue = session.status()["queue"];
    EXPECT_EQ(queue["received"], expected);
    EXPECT_EQ(queue["answered"], expected);
    EXPECT_EQ(queue["failed"], 0);
    EXPECT_EQ(queue["in_flight"], 0);
    EXPECT_EQ(queue["late"], 0);
    EXPECT_EQ(queue["stale"], 0);
    EXPECT_EQ(queue["malformed"], 0);
}

TEST_F(Files, WrittenFilesReadBackAfterRemount) {
    const UserSession session(alice());
    ASSERT_EQ(session.agent(), 0) << "the bus is to start it";
    const auto signature = session.add_key(install_key(alice(), "k2048.pem"), "secret");
    EXPECT_EQ(signature, "fe3467554552491d");
    ASSERT_NE(session.agent(), 0);

    Mount mount(session, "files");
    mount.mount_by_sudo(mount_options({signature}));
    unpack(alice(), "plain.tar.xz", mount.upper());
    const auto files = files_in(plain_tree()).size();
    expect_requests(session, files);

    mount.unmount();
    drop_caches();
    mount.mount_by_sudo(mount_options({signature}));
    EXPECT_EQ(difference(alice(), plain_tree(), mount.upper()), "");
    EXPECT_NE(difference(alice(), plain_tree(), mount.lower()), "") << "nothing is encrypted";
    expect_requests(session, 2 * files);
}

TEST_F(Files, ManyProcessesOpenFilesAtOnce) {
    const UserSession session(alice());
    const auto signature = session.add_key(install_key(alice(), "k2048.pem"), "secret");
    Mount mount(session, "many");
    mount.mount(mount_options({signature}));
    const auto files = make_files(alice(), mount.upper(), 200);
    mount.mount_anew();

    Openers openers(alice(), files, 32);
    openers.wait();
    EXPECT_EQ(openers.opened(), 32 * 200);
    EXPECT_EQ(openers.failed(), 0) << openers.last_error();
    expect_requests(session, 2 * files.size());
}

}  // namespace
}  // namespace ecryptfs::vm
