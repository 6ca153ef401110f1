// SPDX-License-Identifier: Apache-2.0

#include "fuse/node_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

#include "fuse/listing_habits.h"
#include "fuse/waiting.h"
#include "fuse/worker_pool.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::fuse {
namespace {

namespace fs = std::filesystem;
using NodePointer = std::shared_ptr<Node>;

std::size_t open_descriptors() {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

class Nodes : public ::testing::Test {
  protected:
    static constexpr std::size_t kMost = 3;

    fs::path path() const { return folder_.path(); }

    NodePointer add(const NodePointer& folder, const fs::path& file) {
        struct stat status{};
        EXPECT_EQ(::lstat(file.c_str(), &status), 0) << file;
        return table_.add(Identity::of_status(status), folder, file.filename());
    }
    NodePointer add_file(const std::string& name) {
        std::ofstream(path() / name) << "text";
        return add(root(), path() / name);
    }
    NodePointer root() { return table_.find(NodeTable::kRoot); }

    test::TemporaryFolder folder_;
    NodeTable table_{base::UniqueFd(::open(folder_.path().c_str(), O_PATH | O_CLOEXEC)), kMost};
};

TEST_F(Nodes, KeepFewDescriptorsAndAreFoundAgain) {
    auto at = path();
    auto node = root();
    std::vector<NodePointer> chain;
    for (int i = 0; i < 20; ++i) {
        at /= fmt::format("folder-{}", i);
        fs::create_directory(at);
        node = add(node, at);
        chain.push_back(node);
    }
    const auto before = open_descriptors();
    for (const auto& folder : chain) {
        EXPECT_TRUE(table_.descriptor(*folder));
    }
    EXPECT_LE(open_descriptors(), before + kMost);
    const auto status = table_.status(*chain.front());
    ASSERT_TRUE(status);
    EXPECT_EQ(Identity::of_status(*status), chain.front()->identity());
}

TEST_F(Nodes, AreStaleWhenAnotherFileHasTheirName) {
    const auto moved = add_file("moved");
    const auto gone = add_file("gone");
    fs::rename(path() / "moved", path() / "elsewhere");
    std::ofstream(path() / "moved") << "another";
    fs::remove(path() / "gone");
    fs::create_symlink("moved", path() / "gone");
    for (const auto& node : {moved, gone}) {
        EXPECT_EQ(table_.status(*node).error(), ESTALE);
        EXPECT_EQ(table_.open(*node, O_RDONLY).error(), ESTALE);
        EXPECT_EQ(table_.descriptor(*node).error(), ESTALE);
    }
}

TEST_F(Nodes, AreReachedAfterTheirNameWasRemovedHere) {
    const auto node = add_file("file");
    ASSERT_TRUE(table_.hold(*root(), "file", node->identity()));
    fs::remove(path() / "file");
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(table_.descriptor(*add_file(fmt::format("other-{}", i))));
    }
    EXPECT_EQ(table_.status(*node)->st_nlink, 0U);
    EXPECT_TRUE(table_.open(*node, O_RDONLY));
}

TEST_F(Nodes, FollowWhatIsRenamedHere) {
    fs::create_directory(path() / "a");
    const auto folder = add(root(), path() / "a");
    std::ofstream(path() / "a/file") << "text";
    const auto file = add(folder, path() / "a/file");
    fs::rename(path() / "a", path() / "b");
    EXPECT_EQ(table_.status(*file).error(), ESTALE);
    table_.set_place(folder->identity(), root(), "b");
    EXPECT_TRUE(table_.status(*file));
}

TEST_F(Nodes, LiveAsLongAsTheKernelKnowsThemOrWhatIsInThem) {
    fs::create_directory(path() / "a");
    const auto folder = add(root(), path() / "a");
    std::ofstream(path() / "a/file") << "text";
    const auto file = add(folder, path() / "a/file");
    EXPECT_EQ(add(folder, path() / "a/file"), file);
    table_.forget(folder->id(), 1);
    EXPECT_EQ(table_.find(folder->id()), folder);
    table_.forget(file->id(), 1);
    EXPECT_EQ(table_.find(file->id()), file);
    table_.forget(file->id(), 1);
    EXPECT_EQ(table_.find(file->id()), nullptr);
    EXPECT_EQ(table_.find(folder->id()), nullptr);
    EXPECT_EQ(table_.all().size(), 1U);
}

TEST(Waiting, IsGivenUpByAThreadThatMayNot) {
    std::mutex mutex;
    EXPECT_TRUE(lock_or_give_up(mutex));
    const std::scoped_lock lock(mutex);
    std::thread([&] {
        const WithoutWaiting at_once;
        EXPECT_EQ(lock_or_give_up(mutex).error(), kWouldWait);
        const WithWaiting to_the_end;
        EXPECT_TRUE(may_wait());
    }).join();
    EXPECT_TRUE(may_wait());
}

TEST(Workers, DoAllBeforeTheyEnd) {
    std::atomic<int> done = 0;
    {
        WorkerPool workers(3, [&](RawRequest& request) { done += request.bytes().front(); });
        for (int i = 0; i < 100; ++i) {
            RawRequest request(std::span("\1", 1));
            ASSERT_TRUE(workers.enqueue(request));
        }
    }
    EXPECT_EQ(done, 100);
}

TEST(Habits, TellWhoAsksAboutEachFile) {
    ListingHabits habits;
    constexpr pid_t kLs = 100;
    constexpr pid_t kFind = 101;
    for (std::uint64_t folder = 1; folder < 10; ++folder) {
        EXPECT_EQ(habits.wants_nodes(kLs, folder), folder > 1) << folder;
        habits.note_listed(kLs, folder, 20);
        EXPECT_FALSE(habits.wants_nodes(kFind, folder)) << folder;
        habits.note_listed(kFind, folder, 20);
        for (int i = 0; i < 20; ++i) {
            habits.note_lookup(kLs, folder, false);
            habits.note_lookup(kFind, folder, true);
        }
    }
}

}  // namespace
}  // namespace ecryptfs::fuse
