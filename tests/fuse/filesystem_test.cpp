// SPDX-License-Identifier: Apache-2.0

#include "fuse/filesystem.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "lib/base/error.h"
#include "lib/lower/header.h"
#include "lib/lower/header_writer.h"
#include "lib/lower/passphrase.h"
#include "tests/fuse/mounted_folder.h"
#include "tests/support/command.h"

namespace ecryptfs::fuse {
namespace {

namespace fs = std::filesystem;
using base::as_bytes;
using base::as_text;
using ::testing::ElementsAre;

class NoPrivateKeys : public PrivateKeys {
  public:
    base::Result<base::SecretBytes> decrypt(const wire::KeySignature& /*signature*/,
                                            base::ByteView /*encrypted_fek*/) override {
        return none();
    }
    base::Result<base::SecretBytes> encrypt(const wire::KeySignature& /*signature*/,
                                            base::ByteView /*file_key*/) override {
        return none();
    }

  private:
    static std::unexpected<base::Error> none() {
        return std::unexpected(base::Error{base::ErrorCode::kUnknownKey, "no private key", ""});
    }
};

class Requests : public ::testing::Test {
  protected:
    static constexpr char kSignature[] = "0123456789abcdef";

    static mount::FolderOptions options() {
        mount::FolderOptions options;
        options.cipher = "aes";
        options.key_bytes = 16;
        options.keys = {wire::KeySignature::from_text(kSignature).value()};
        return options;
    }
    static base::Result<lower::PassphraseKey> find_key(const wire::KeySignature& /*signature*/) {
        return lower::derive_passphrase_key(as_bytes("correct-horse"), lower::kDefaultSalt);
    }

    NodeId create(const std::string& name) {
        return files_.create(NodeTable::kRoot, name, 0600, O_RDWR).value().id;
    }
    std::string read(NodeId id) { return std::string(as_text(files_.read(id, 0, 100).value())); }

    test::TemporaryFolder folder_;
    NoPrivateKeys private_keys_;
    std::unique_ptr<MountKeys> keys_ =
        base::value_or_throw(MountKeys::load(options(), find_key, private_keys_));
    Filesystem files_{base::UniqueFd(::open(folder_.path().c_str(), O_PATH | O_CLOEXEC)), *keys_,
                      options()};
};

TEST_F(Requests, GoOnWithOpenFilesAfterTheirKeysWereDropped) {
    const auto file = create("file");
    const auto other = create("other");
    ASSERT_TRUE(files_.close(other));
    ASSERT_TRUE(files_.write(file, 0, as_bytes("hello"), false));
    EXPECT_THAT(files_.drop_contents(), ::testing::UnorderedElementsAre(file, other));
    EXPECT_EQ(files_.status(file)->st_size, 5);
    ASSERT_TRUE(files_.remove(NodeTable::kRoot, "file", false));
    EXPECT_EQ(read(file), "hello");
    EXPECT_THAT(files_.drop_contents(), ElementsAre(file));
    ASSERT_TRUE(files_.write(file, 5, as_bytes(" there"), false));
    EXPECT_EQ(read(file), "hello there");
    EXPECT_TRUE(files_.close(file));
    EXPECT_EQ(files_.read(file, 0, 100).error(), EBADF);
}

TEST_F(Requests, SlowOnesAreGivenUpByImpatientThread) {
    const auto file = create("file");
    ASSERT_TRUE(files_.write(file, 0, as_bytes("hello"), false));
    const WithoutWaiting at_once;
    EXPECT_EQ(files_.sync(file, false).error(), kWouldWait) << "as a disk may take its time";
    AttributeChange change;
    change.size = std::uint64_t{1} << 30;
    EXPECT_EQ(files_.change(file, change).error(), kWouldWait) << "as it writes a gigabyte";
    EXPECT_EQ(files_.status(file)->st_size, 5);
    EXPECT_EQ(read(file), "hello");
}

TEST_F(Requests, NeverFollowALinkThatTookAPlace) {
    const test::TemporaryFolder outside;
    std::ofstream(outside.path() / "secret") << "outside";
    const auto file = create("file");
    ASSERT_TRUE(files_.close(file));
    const auto folder = files_.make_folder(NodeTable::kRoot, "folder", 0700)->id;
    fs::remove(folder_.path() / "file");
    fs::create_symlink(outside.path() / "secret", folder_.path() / "file");
    fs::remove(folder_.path() / "folder");
    fs::create_symlink(outside.path(), folder_.path() / "folder");
    EXPECT_EQ(files_.open(file, O_RDWR).error(), ESTALE);
    EXPECT_EQ(files_.create(folder, "new", 0600, O_RDWR).error(), ESTALE);
    EXPECT_EQ(files_.look_up(folder, "secret").error(), ESTALE);
    EXPECT_EQ(files_.remove(folder, "secret", false).error(), ESTALE);
    EXPECT_EQ(std::distance(fs::directory_iterator(outside.path()), fs::directory_iterator()), 1);
}

TEST_F(Requests, DoNotWaitForAPipeThatTookAPlace) {
    const auto file = create("file");
    ASSERT_TRUE(files_.close(file));
    fs::remove(folder_.path() / "file");
    ASSERT_EQ(::mkfifo((folder_.path() / "file").c_str(), 0600), 0);
    EXPECT_EQ(files_.open(file, O_RDONLY).error(), ESTALE);
    EXPECT_TRUE(S_ISFIFO(files_.look_up(NodeTable::kRoot, "file")->status.st_mode));
}

TEST_F(Requests, GiveEioForAHoleOfATerabyte) {
    constexpr std::uint64_t kSize = std::uint64_t{1} << 40;
    const auto file = create("file");
    ASSERT_TRUE(files_.write(file, 0, as_bytes("hello"), false));
    ASSERT_TRUE(files_.close(file));
    const base::UniqueFd lower(::open((folder_.path() / "file").c_str(), O_WRONLY | O_CLOEXEC));
    const auto field = lower::encode_plain_size(kSize);
    ASSERT_EQ(::pwrite(lower.get(), field.data(), field.size(), 0), 8);
    ASSERT_EQ(::ftruncate(lower.get(), static_cast<off_t>(kSize + lower::kLeastSizeAtFront)), 0);
    ASSERT_TRUE(files_.open(file, O_RDWR));
    EXPECT_EQ(files_.status(file)->st_size, static_cast<off_t>(kSize));
    EXPECT_EQ(files_.read(file, kSize / 2, 100).error(), EIO);
    EXPECT_EQ(files_.write(file, kSize / 2, as_bytes("x"), false).error(), EIO);
    EXPECT_EQ(read(file).substr(0, 5), "hello");
    EXPECT_TRUE(files_.close(file));
}

// The limit saves the disk of who breaks this.
TEST_F(Requests, MayNotFillTheDiskWithZeros) {
    const auto file = create("file");
    ASSERT_TRUE(files_.write(file, 0, as_bytes("hello"), false));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit limit{rlim_t{4} << 20, before.rlim_max};
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    AttributeChange change;
    change.size = std::uint64_t{1} << 50;
    EXPECT_EQ(files_.change(file, change).error(), ENOSPC);
    EXPECT_EQ(files_.write(file, *change.size, as_bytes("x"), false).error(), ENOSPC);
    EXPECT_EQ(files_.status(file)->st_size, 5);
    EXPECT_EQ(read(file), "hello");
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
}

// ThreadSanitizer watches.
TEST_F(Requests, SeveralThreadsMayMakeThem) {
    const auto file = create("file");
    ASSERT_TRUE(files_.write(file, 0, as_bytes("0123456789"), false));
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            for (int round = 0; round < 200; ++round) {
                const auto name = std::string(1, static_cast<char>('a' + i));
                const auto made = files_.create(NodeTable::kRoot, name, 0600, O_RDWR);
                ASSERT_TRUE(made);
                EXPECT_TRUE(files_.write(made->id, 0, as_bytes("text"), false));
                EXPECT_EQ(read(file).size(), 10U);
                EXPECT_TRUE(
                    files_.write(file, static_cast<std::uint64_t>(i), as_bytes("x"), false));
                EXPECT_TRUE(files_.rename(NodeTable::kRoot, name, NodeTable::kRoot, name + "2", 0));
                EXPECT_TRUE(files_.status(made->id));
                EXPECT_TRUE(files_.remove(NodeTable::kRoot, name + "2", false));
                EXPECT_TRUE(files_.close(made->id));
                files_.forget(made->id, 1);
                if (round % 50 == 0) {
                    files_.drop_contents();
                }
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(read(file), "xxxx456789");
}

// Its public half takes its time: who may not wait must not use it.
class SlowPrivateKey : public PrivateKeys {
  public:
    base::Result<base::SecretBytes> decrypt(const wire::KeySignature& /*signature*/,
                                            base::ByteView /*encrypted_fek*/) override {
        return std::unexpected(base::Error{base::ErrorCode::kKeyLocked, "locked"});
    }
    base::Result<base::SecretBytes> encrypt(const wire::KeySignature& /*signature*/,
                                            base::ByteView /*file_key*/) override {
        was_waited_ = was_waited_ || !may_wait();
        return base::SecretBytes::create(256);
    }
    bool was_waited() const { return was_waited_; }

  private:
    std::atomic<bool> was_waited_ = false;
};

TEST_F(Requests, ImpatientThreadsTakeReadyFilesOnly) {
    constexpr int kThreads = 4;
    constexpr int kFiles = 3000;
    SlowPrivateKey slow;
    const auto keys = base::value_or_throw(MountKeys::load(
        options(),
        [](const auto&) -> base::Result<lower::PassphraseKey> {
            return std::unexpected(base::Error{base::ErrorCode::kNotSupported, "private"});
        },
        slow));
    keys->start();
    Filesystem files{base::UniqueFd(::open(folder_.path().c_str(), O_PATH | O_CLOEXEC)), *keys,
                     options()};
    std::atomic<int> made = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&, i] {
            const WithoutWaiting at_once;
            const std::string name(1, static_cast<char>('a' + i));
            while (made < kFiles && !slow.was_waited()) {
                const auto file = files.create(NodeTable::kRoot, name, 0600, O_RDWR | O_EXCL);
                if (!file) {
                    EXPECT_EQ(file.error(), kWouldWait);
                    continue;
                }
                ++made;
                EXPECT_TRUE(files.close(file->id));
                EXPECT_TRUE(files.remove(NodeTable::kRoot, name, false));
                files.forget(file->id, 1);
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_FALSE(slow.was_waited());
}

TEST_F(Requests, FileMovedBelowIsStale) {
    const auto file = create("file");
    ASSERT_TRUE(files_.close(file));
    fs::rename(folder_.path() / "file", folder_.path() / "elsewhere");
    EXPECT_EQ(files_.status(file).error(), ESTALE);
    EXPECT_EQ(files_.look_up(NodeTable::kRoot, "elsewhere")->id, file);
    EXPECT_TRUE(files_.status(file));
}

TEST_F(Requests, WritingTakesSetUserIdBitsAway) {
    const auto file = create("file");
    const auto path = folder_.path() / "file";
    for (const bool drops : {false, true}) {
        ASSERT_EQ(::chmod(path.c_str(), 06755), 0);
        ASSERT_TRUE(files_.write(file, 0, as_bytes("x"), drops));
        struct stat status{};
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        const bool are_kept = ::geteuid() == 0 && !drops;
        EXPECT_EQ(status.st_mode & 07777, are_kept ? 06755U : 0755U);
    }
}

}  // namespace
}  // namespace ecryptfs::fuse
