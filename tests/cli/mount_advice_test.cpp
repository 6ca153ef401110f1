// SPDX-License-Identifier: Apache-2.0
//
// The advice on what the kernel and ecryptfs-mount-helper refuse, which takes root and a kernel to
// be made for real: tests/vm/mount_verb_test.cpp and mount_helper_test.cpp do. Here is its text.

#include <gtest/gtest.h>

#include <cerrno>

#include "cli/input/typed_command.h"
#include "cli/mount/call.h"
#include "cli/mount/plan.h"
#include "cli/mount/remembered_folder.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;

TEST(MountAdvice, EachErrorOfMountHasOne) {
    struct Row {
        int number;
        ErrorCode code;
        std::string advice;
    };
    constexpr char kAddAgain[] =
        "add the key again: ecryptfsctl add-key FILE-OR-URI, or for a passphrase: ecryptfsctl "
        "add-passphrase";
    cli::remember_typed_command(std::vector<std::string>{"mount", "--kernel", "lo wer", "/u"});
    for (const auto& row : std::vector<Row>{
             {EPERM, ErrorCode::kAccessDenied, "sudo ecryptfsctl mount --kernel 'lo wer' /u"},
             {ENODEV, ErrorCode::kNotSupported,
              "sudo modprobe ecryptfs; how files are read without it: ecryptfsctl decrypt --help"},
             {ENOKEY, ErrorCode::kUnknownKey, kAddAgain},
             {EKEYEXPIRED, ErrorCode::kKeyExpired, kAddAgain},
             {EKEYREVOKED, ErrorCode::kKeyRevoked, kAddAgain},
             {EINVAL, ErrorCode::kInvalidArgument,
              "see that the kernel has the cipher (--cipher aes --key-bytes 16) and the feature "
              "(ecryptfsctl status)"},
             {EBUSY, ErrorCode::kBusy, "name another folder"},
             {ENOENT, ErrorCode::kNotFound, "make them: mkdir -p 'lo wer' /u"},
             {EIO, ErrorCode::kInternal, "see what the kernel says: sudo dmesg"},
         }) {
        const auto error = cli::mount_error(row.number, "lo wer", "/u", "");
        EXPECT_EQ(error.code, row.code) << row.number;
        EXPECT_EQ(error.advice, row.advice) << row.number;
    }
    cli::remember_typed_command(std::vector<std::string>{});
}

TEST(MountAdvice, ProblemMayBeForced) {
    cli::CheckFindings findings(false);
    const auto raised = findings.add_problem({ErrorCode::kInternal, "what stands in the way"});
    ASSERT_FALSE(raised);
    EXPECT_EQ(raised.error().advice, "--force, if it is meant so");
    cli::CheckFindings forced(true);
    EXPECT_TRUE(forced.add_problem(raised.error()));
}

TEST(MountAdvice, FolderNotInUtf8IsToBeRenamed) {
    cli::RememberedFolder folder{.lower = "/\xff", .upper = "/u"};
    const auto refused = cli::remembered_text({folder});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kNotSupported);
    EXPECT_EQ(refused.error().advice, "rename it, or say each time how it is mounted");
    folder.lower = "/renamed";
    EXPECT_TRUE(cli::remembered_text({folder}));
}

TEST(MountAdvice, EachRefusalOfHelperHasOne) {
    using enum mount::Verdict;
    struct Row {
        mount::Reply reply;
        ErrorCode code;
        std::string advice;
    };
    constexpr uid_t kNobody = 65534;
    for (const auto& row : std::vector<Row>{
             {{kLowerOfAnother, 0, kNobody},
              ErrorCode::kAccessDenied,
              "do it for its owner: --user nobody"},
             {{kUpperOfAnother, 0, 0},
              ErrorCode::kAccessDenied,
              "name a folder that belongs to ada"},
             {{kUnfitLower, 0, 0}, ErrorCode::kNotSupported, "use a folder on a disk"},
             {{kUpperNotEmpty, 0, 0}, ErrorCode::kAlreadyExists, "name an empty folder"},
             {{kLowerUnreadable, EACCES, 0},
              ErrorCode::kAccessDenied,
              "let root look into it: a FUSE file system must be mounted with -o allow_other"},
             {{kNotAFolder, 0, 0}, ErrorCode::kInvalidArgument, "name two folders"},
             {{kPathTooLong, 0, 0},
              ErrorCode::kNotSupported,
              "give a folder on the way a shorter name"},
             {{kLowerExchanged, 0, 0},
              ErrorCode::kAccessDenied,
              "see what changes it, and try again"},
             {{kNotThatMount, 0, 0}, ErrorCode::kNotFound, "see what is: ecryptfsctl status"},
             {{kUnmountFailed, EBUSY, 0},
              ErrorCode::kBusy,
              "end that, or leave the folder; or --lazy, which waits for it"},
             {{kBadRequest, 0, 0}, ErrorCode::kInternal, "install the package ecryptfs-agent anew"},
         }) {
        const auto error = cli::refusal_error(row.reply, {"/l", "/u"}, "ada");
        EXPECT_EQ(error.code, row.code) << row.advice;
        EXPECT_EQ(error.advice, row.advice);
    }
}

}  // namespace
}  // namespace ecryptfs::test
