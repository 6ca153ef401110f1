// SPDX-License-Identifier: Apache-2.0
//
// Programs that ask much of a file system, on a mount.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/fuse/mounted_folder.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

class Programs : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::create_directory(lower());
        fs::create_directory(plain());
        mounted_.emplace(lower(), mount_options(tokens_));
    }
    fs::path lower() const { return folder_.path() / "lower"; }
    // A folder beside the mount.
    fs::path plain() const { return folder_.path() / "plain"; }

    // In the mounted folder; $0 is the folder beside it. Fails at the first command that does.
    Outcome run_script(const std::string& script) const {
        return run({"/bin/bash",
                    {"-euo", "pipefail", "-c", "cd \"$1\"; export HOME=$0; " + script, plain(),
                     mounted_->path()}});
    }

    TemporaryFolder folder_;
    PassphraseTokens tokens_ = add_passphrase_tokens(kCorrectHorsePassphrase);
    std::optional<MountedFolder> mounted_;
};

// Links of all kinds, attributes, modes, times, holes, and a folder of many files.
constexpr char kMakeTree[] = R"(
    make_tree() {
        mkdir -p "$1/folder/deep" "$1/many"
        for i in $(seq 200); do echo "file $i" >"$1/many/file-$i"; done
        head -c 3000000 /dev/urandom >"$1/folder/random"
        truncate -s 300000 "$1/folder/zeros"
        ln "$1/folder/random" "$1/folder/deep/hard"
        ln -s ../folder/random "$1/folder/link"
        mkfifo "$1/folder/pipe"
        chmod 4751 "$1/folder/zeros"; chmod 1777 "$1/folder/deep"; : >"$1/folder/empty"
        touch -d 2001-02-03T04:05:06.789 "$1/folder/random"
        touch -h -d 2002-03-04T05:06:07 "$1/folder/link"
    }
)";

TEST_F(Programs, RsyncCopiesBothWaysWithoutADifference) {
    const auto done = run_script(std::string(kMakeTree) + R"(
        make_tree "$0/tree"
        rsync -aHAX "$0/tree/" here/
        rsync -aHAX here/ "$0/back/"
        rsync -aHAXnci --delete "$0/tree/" here/
        rsync -aHAXnci --delete here/ "$0/back/"
        diff -r --no-dereference --exclude=pipe "$0/tree" "$0/back")");
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, "") << "what rsync would still copy";
}

TEST_F(Programs, TarUnpacksAndPacksTheSame) {
    const auto done = run_script(std::string(kMakeTree) + R"(
        make_tree "$0/tree"
        tar -C "$0/tree" --sort=name -cf "$0/packed.tar" .
        mkdir here && tar -C here -xpf "$0/packed.tar"
        tar -C here --compare -f "$0/packed.tar"
        tar -C here --sort=name -c . | cmp - "$0/packed.tar")");
    EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
}

TEST_F(Programs, GitClonesCommitsAndFindsNoFault) {
    const auto done = run_script(R"(
        git config --global user.name owl; git config --global user.email owl@example.org
        git config --global init.defaultBranch main
        git init -q "$0/first"
        for i in $(seq 10); do
            head -c 20000 /dev/urandom >"$0/first/file-$i"
            git -C "$0/first" add . && git -C "$0/first" commit -qm "commit $i"
        done
        git clone -q --no-local "$0/first" clone
        cd clone
        [[ ! $(git status --porcelain) ]]
        git mv file-1 moved && echo more >>file-2 && git commit -qam moved
        git gc -q --aggressive && git checkout -q HEAD~3 && git checkout -q main
        git fsck --full --strict && [[ ! $(git status --porcelain) ]])");
    EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
}

// By rollback journal and by write-ahead log, whose index several processes have mapped.
TEST_F(Programs, SqliteKeepsItsDatabaseWholeUnderLoad) {
    for (const std::string mode : {"delete", "wal"}) {
        const auto done = run_script("mode=" + mode + R"(
            db="db-$mode"
            sqlite3 "$db" "PRAGMA journal_mode=$mode; CREATE TABLE t(writer, n, text);" >/dev/null
            write() {
                for n in $(seq 15); do
                    sqlite3 -cmd ".timeout 20000" "$db" "BEGIN IMMEDIATE;
                        INSERT INTO t SELECT $1, $n, hex(randomblob(500)) FROM generate_series(1, 20);
                        DELETE FROM t WHERE writer = $1 AND n = $n - 5; COMMIT;"
                done
            }
            write 1 & first=$!; write 2 & second=$!
            wait $first; wait $second
            sqlite3 "$db" "PRAGMA integrity_check; SELECT count(*) FROM t;"
            sqlite3 "$db" "VACUUM; PRAGMA integrity_check;")");
        EXPECT_EQ(done.out, "ok\n200\nok\n") << mode << done.err;
    }
}

}  // namespace
}  // namespace ecryptfs::test
