// SPDX-License-Identifier: Apache-2.0
//
// ecryptfs-mount-helper on the real kernel, with whatever a user could do to its folders in
// between: done while the helper waits for its request, or stands still at a system call.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>

#include "lib/mount/helper_protocol.h"
#include "tests/support/wait.h"
#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/keyring.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

namespace fs = std::filesystem;
using ecryptfs::mount::Reply;
using ecryptfs::mount::Verdict;
using testing::HasSubstr;

constexpr char kSignature[] = "9d59cdc2eaf8d95e";
const User kRoot{"root", 0};

base::UniqueFd open_folder(const std::string& path) {
    base::UniqueFd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    EXPECT_TRUE(folder) << path;
    return folder;
}

bool shows_ecryptfs(const std::string& path) {
    struct statfs status{};
    return ::statfs(path.c_str(), &status) == 0 && status.f_type == ECRYPTFS_SUPER_MAGIC;
}

std::string passphrase_token() {
    std::ifstream file(fmt::format("{}/addpass.authtok.{}", ECRYPTFS_VECTORS, kSignature));
    return {std::istreambuf_iterator<char>(file), {}};
}

// proc(5): "1: -> FLOCK  ADVISORY  WRITE 4711 …" of who waits.
bool waits_for_a_lock(pid_t pid) {
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        if (line.contains("-> FLOCK") && line.contains(fmt::format(" {} ", pid))) {
            return true;
        }
    }
    return false;
}

int open_sockets(pid_t pid) {
    int count = 0;
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", pid), gone)) {
        count += fs::read_symlink(entry, gone).string().starts_with("socket:") ? 1 : 0;
    }
    return count;
}

// The helper, which waits for its request.
class Helper {
  public:
    enum class Traced : std::uint8_t { kNo, kYes };

    // Overrides: whether root reads what only its owner may, as it does not on NFS (root_squash).
    enum class Overrides : std::uint8_t { kNo, kYes };

    explicit Helper(uid_t user, Traced traced = Traced::kNo, Overrides overrides = Overrides::kYes)
        : process_({.user = kRoot, .in = their_socket()}, [user, traced, overrides] {
              if (overrides == Overrides::kNo &&
                  (::prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) != 0 ||
                   ::prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0) != 0)) {
                  return 1;
              }
              if (traced == Traced::kYes && ::ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) {
                  return 1;
              }
              const auto argument = fmt::format("{}", user);
              ::execl(ECRYPTFS_MOUNT_HELPER, "helper", argument.c_str(), nullptr);
              return 1;
          }) {
        theirs_.reset();
    }

    pid_t pid() const { return process_.pid(); }

    void send(const ecryptfs::mount::Request& request, const std::vector<int>& descriptors) const {
        auto packet = ecryptfs::mount::encode_request(request).value();
        alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
        iovec part{packet.data(), packet.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        const auto bytes = descriptors.size() * sizeof(int);
        message.msg_controllen = CMSG_SPACE(bytes);
        auto* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(bytes);
        std::memcpy(CMSG_DATA(header), descriptors.data(), bytes);
        EXPECT_GT(::sendmsg(ours_.get(), &message, MSG_NOSIGNAL), 0);
    }
    Reply reply() const {
        std::array<std::uint8_t, ecryptfs::mount::kMaxReply> packet{};
        const auto size = ::recv(ours_.get(), packet.data(), packet.size(), 0);
        const auto bytes = base::ByteView(packet).first(size < 0 ? 0 : static_cast<size_t>(size));
        return ecryptfs::mount::parse_reply(bytes).value_or(Reply{Verdict::kBadRequest, EPROTO});
    }
    Reply ask(const ecryptfs::mount::Request& request, const std::vector<int>& descriptors) const {
        send(request, descriptors);
        return reply();
    }

    // Runs a traced helper until it is about to make the call that is meant.
    void run_until(const std::function<bool(const user_regs_struct&)>& is_meant) const {
        while (true) {
            int status = 0;
            ASSERT_EQ(::waitpid(pid(), &status, 0), pid());
            ASSERT_TRUE(WIFSTOPPED(status));
            user_regs_struct registers{};
            ASSERT_EQ(::ptrace(PTRACE_GETREGS, pid(), 0, &registers), 0);
            if (is_meant(registers)) {
                return;
            }
            ASSERT_EQ(::ptrace(PTRACE_SYSCALL, pid(), 0, 0), 0);
        }
    }
    void run_until_fsconfig(unsigned long command) const {
        run_until([&](const user_regs_struct& registers) {
            return registers.orig_rax == SYS_fsconfig && registers.rsi == command;
        });
    }
    void run_until_umount() const {
        run_until(
            [](const user_regs_struct& registers) { return registers.orig_rax == SYS_umount2; });
    }
    void go_on() const { ASSERT_EQ(::ptrace(PTRACE_DETACH, pid(), 0, 0), 0); }

  private:
    int their_socket() {
        int sockets[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
        ours_.reset(sockets[0]);
        theirs_.reset(sockets[1]);
        return theirs_.get();
    }

    base::UniqueFd ours_;
    base::UniqueFd theirs_;
    Process process_;
};

class MountHelper : public OnTheRealKernel {
  protected:
    void SetUp() override {
        OnTheRealKernel::SetUp();
        const auto token = passphrase_token();
        ASSERT_GT(
            ::add_key("user", kSignature, token.data(), token.size(), KEY_SPEC_SESSION_KEYRING), 0);
        make_folder(others_, bob());
        ::chmod(others_.c_str(), 0700);
        make_folder(others_ / "within", bob());
    }
    void TearDown() override {
        for (const auto& path : {mount_.upper(), moved(mount_.upper())}) {
            ::umount2(path.c_str(), MNT_DETACH);
        }
        ::keyctl_clear(KEY_SPEC_SESSION_KEYRING);
        fs::remove_all(others_);
        fs::remove_all(alice().home() + "/.config");
        OnTheRealKernel::TearDown();
    }

    static void make_folder(const fs::path& path, const User& owner) {
        ASSERT_TRUE(fs::create_directories(path)) << path;
        ASSERT_EQ(::chown(path.c_str(), owner.id, owner.id), 0);
    }
    static fs::path moved(const fs::path& path) { return path.string() + ".moved"; }
    // As the owner of the folder above can.
    static void exchange(const fs::path& folder, const fs::path& target) {
        fs::rename(folder, moved(folder));
        fs::create_directory_symlink(target, folder);
    }
    static void put_back(const fs::path& folder) {
        fs::remove(folder);
        fs::rename(moved(folder), folder);
    }
    static ecryptfs::mount::MountRequest request() {
        return {{.keys = {wire::KeySignature::from_text(kSignature).value()}}};
    }
    // Gives the upper folder, which the caller unmounts and removes.
    fs::path mount_bobs_folder(const Helper& helper) const {
        const auto upper = others_.parent_path() / "bobs-upper";
        make_folder(upper, bob());
        const auto within = open_folder(others_ / "within");
        EXPECT_EQ(helper.ask(request(), {within.get(), open_folder(upper).get()}).verdict,
                  Verdict::kDone);
        return upper;
    }
    // Of a keyring of alice's session. 0 or an errno.
    int add_token(key_serial_t keyring) const {
        const auto token = passphrase_token();
        return session_.call([&] {
            return ::add_key("user", kSignature, token.data(), token.size(), keyring) < 0 ? errno
                                                                                          : 0;
        });
    }
    Reply mount_by_helper() const {
        const Helper helper(alice().id);
        return helper.ask(request(), {lower_.get(), upper_.get()});
    }
    static std::uint64_t mount_id(const std::string& path) {
        struct statx status{};
        EXPECT_EQ(::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &status), 0);
        return status.stx_mnt_id;
    }
    static Outcome as_root(Arguments arguments) {
        arguments.insert(arguments.begin(), ECRYPTFSCTL);
        return run({.user = kRoot}, arguments);
    }
    Outcome sudo(Arguments arguments) const {
        arguments.insert(arguments.begin(), {"sudo", ECRYPTFSCTL});
        return session_.run(arguments);
    }

    const UserSession session_{alice()};
    const Mount mount_{session_, "helper"};
    const fs::path others_{"/mnt/scratch/bobs"};
    const base::UniqueFd lower_ = open_folder(mount_.lower());
    const base::UniqueFd upper_ = open_folder(mount_.upper());
};

TEST_F(MountHelper, MountsOnOpenedFolderNotItsName) {
    exchange(mount_.upper(), "/etc");
    EXPECT_EQ(mount_by_helper().verdict, Verdict::kDone);
    EXPECT_FALSE(shows_ecryptfs("/etc"));
    EXPECT_TRUE(shows_ecryptfs(moved(mount_.upper())));
    ASSERT_EQ(::umount2(moved(mount_.upper()).c_str(), 0), 0);
    put_back(mount_.upper());
}

// The only time at which a path counts: when the kernel itself looks it up.
TEST_F(MountHelper, ExchangedLowerFolderIsNotMounted) {
    const Helper helper(alice().id, Helper::Traced::kYes);
    helper.send(request(), {lower_.get(), upper_.get()});
    helper.run_until_fsconfig(FSCONFIG_CMD_CREATE);
    exchange(mount_.lower(), others_ / "within");
    helper.go_on();
    EXPECT_EQ(helper.reply().verdict, Verdict::kLowerExchanged);
    EXPECT_FALSE(shows_ecryptfs(mount_.upper()));
    put_back(mount_.lower());
}

TEST_F(MountHelper, UnchangedFolderIsMounted) {
    const Helper helper(alice().id, Helper::Traced::kYes);
    helper.send(request(), {lower_.get(), upper_.get()});
    helper.run_until_fsconfig(FSCONFIG_CMD_CREATE);
    helper.go_on();
    EXPECT_EQ(helper.reply().verdict, Verdict::kDone);
    EXPECT_TRUE(shows_ecryptfs(mount_.upper()));
}

TEST_F(MountHelper, MountsOnlyFoldersOfTheUser) {
    const auto etc = open_folder("/etc");
    const auto others = open_folder(others_ / "within");
    const auto ask = [&](int lower, int upper) {
        const Helper helper(alice().id);
        auto forced = request();
        forced.may_hide_files = true;
        return helper.ask(forced, {lower, upper});
    };
    const auto on_etc = ask(lower_.get(), etc.get());
    EXPECT_EQ(on_etc.verdict, Verdict::kUpperOfAnother);
    EXPECT_EQ(on_etc.owner, 0U);
    const auto of_bob = ask(others.get(), upper_.get());
    EXPECT_EQ(of_bob.verdict, Verdict::kLowerOfAnother);
    EXPECT_EQ(of_bob.owner, bob().id);
    const Process sleeper = session_.start({"sleep", "1000"});
    const auto process = fmt::format("/proc/{}", sleeper.pid());
    test::wait_until("it is alice's", [&] {
        struct stat status{};
        return ::stat(process.c_str(), &status) == 0 && status.st_uid == alice().id;
    });
    EXPECT_EQ(ask(lower_.get(), open_folder(process).get()).verdict, Verdict::kUnfitUpper);
    EXPECT_EQ(ask(open_folder(process).get(), upper_.get()).verdict, Verdict::kUnfitLower);
    std::ofstream(mount_.upper() / "here");
    EXPECT_EQ(mount_by_helper().verdict, Verdict::kUpperNotEmpty);
    fs::remove(mount_.upper() / "here");
    EXPECT_FALSE(shows_ecryptfs(mount_.upper()));
}

TEST_F(MountHelper, ReadsUpperFolderAsTheUser) {
    std::ofstream(mount_.upper() / "here");
    ASSERT_EQ(::chmod(mount_.upper().c_str(), 0700), 0);
    const Helper helper(alice().id, Helper::Traced::kNo, Helper::Overrides::kNo);
    EXPECT_EQ(helper.ask(request(), {lower_.get(), upper_.get()}).verdict, Verdict::kUpperNotEmpty);
}

TEST_F(MountHelper, FolderMayBeMountedOnItself) {
    std::ofstream(mount_.lower() / "here");
    const Helper helper(alice().id);
    EXPECT_EQ(helper.ask(request(), {lower_.get(), lower_.get()}).verdict, Verdict::kDone);
    EXPECT_TRUE(shows_ecryptfs(mount_.lower()));
    EXPECT_EQ(::umount2(mount_.lower().c_str(), 0), 0);
}

TEST_F(MountHelper, MountInheritsRestrictions) {
    const auto lower = mount_.lower();
    ASSERT_EQ(::mount(lower.c_str(), lower.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(::mount("none", lower.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOEXEC,
                      nullptr),
              0);
    {
        const auto bound = open_folder(lower);
        const Helper helper(alice().id);
        EXPECT_EQ(helper.ask(request(), {bound.get(), upper_.get()}).verdict, Verdict::kDone);
    }
    struct statfs status{};
    EXPECT_EQ(::statfs(mount_.upper().c_str(), &status), 0);
    EXPECT_TRUE(shows_ecryptfs(mount_.upper()));
    EXPECT_EQ(status.f_flags & (ST_NOEXEC | ST_RDONLY), ST_NOEXEC | ST_RDONLY);
    EXPECT_EQ(::umount2(mount_.upper().c_str(), 0), 0);
    EXPECT_EQ(::umount2(lower.c_str(), 0), 0);
}

TEST_F(MountHelper, TooLongPathIsReported) {
    const auto longest = mount_.lower() / std::string(200, 'a') / std::string(60, 'b');
    make_folder(longest, alice());
    const auto lower = open_folder(longest);
    const Helper helper(alice().id);
    EXPECT_EQ(helper.ask(request(), {lower.get(), upper_.get()}).verdict, Verdict::kPathTooLong);
}

TEST_F(MountHelper, UserCannotSignalIt) {
    const Helper helper(alice().id);
    for (const int signal : {SIGSTOP, SIGTERM, SIGKILL}) {
        EXPECT_EQ(run_as(alice(), [&] { return ::kill(helper.pid(), signal) == 0 ? 0 : errno; }),
                  EPERM);
    }
    EXPECT_EQ(helper.ask(request(), {lower_.get(), upper_.get()}).verdict, Verdict::kDone);
}

TEST_F(MountHelper, RefusesNonsenseAndNonRoot) {
    const Helper helper(alice().id);
    EXPECT_EQ(helper.ask(request(), {lower_.get()}).verdict, Verdict::kBadRequest);
    const auto outcome = session_.run({ECRYPTFS_MOUNT_HELPER, fmt::format("{}", alice().id)});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("ecryptfsctl starts this program"));
}

TEST_F(MountHelper, UnmountsOnlyTheMeantMount) {
    ASSERT_EQ(mount_by_helper().verdict, Verdict::kDone);
    const auto upper = mount_.upper();
    const auto parent = open_folder(upper.parent_path());
    const auto ask = [&](const User& user, std::uint64_t id) {
        const Helper helper(user.id);
        return helper.ask(ecryptfs::mount::UnmountRequest{upper.filename(), id}, {parent.get()});
    };
    const auto id = mount_id(upper);
    EXPECT_EQ(ask(alice(), id + 1).verdict, Verdict::kNotThatMount);
    const auto by_bob = ask(bob(), id);
    EXPECT_EQ(by_bob.verdict, Verdict::kMountOfAnother);
    EXPECT_EQ(by_bob.owner, alice().id);

    ASSERT_EQ(::mount("none", upper.c_str(), "tmpfs", 0, "mode=777"), 0);
    EXPECT_EQ(ask(alice(), id).verdict, Verdict::kNotThatMount) << "it is hidden";
    EXPECT_EQ(ask(alice(), mount_id(upper)).verdict, Verdict::kNotThatMount) << "not eCryptfs";
    ASSERT_EQ(::umount2(upper.c_str(), 0), 0);

    // The folder above is exchanged for one in which something else bears the name.
    const auto folder = upper.parent_path();
    fs::create_directories("/mnt/scratch/decoy/upper");
    ASSERT_EQ(::mount("none", "/mnt/scratch/decoy/upper", "tmpfs", 0, ""), 0);
    exchange(folder, "/mnt/scratch/decoy");
    EXPECT_EQ(ask(alice(), id).verdict, Verdict::kDone);
    put_back(folder);
    EXPECT_FALSE(shows_ecryptfs(upper));
    EXPECT_EQ(::umount2("/mnt/scratch/decoy/upper", 0), 0) << "which is still there";
    fs::remove_all("/mnt/scratch/decoy");
}

// The first one is held up between its check and umount2(2), as its user can do by a control group.
TEST_F(MountHelper, SecondUnmountKeepsMountBelow) {
    const auto upper = mount_.upper();
    const auto owner = fmt::format("uid={}", alice().id);
    ASSERT_EQ(::mount("none", upper.c_str(), "tmpfs", 0, owner.c_str()), 0);
    const auto below = mount_id(upper);
    {
        const auto on_it = open_folder(upper);
        const Helper helper(alice().id);
        ASSERT_EQ(helper.ask(request(), {lower_.get(), on_it.get()}).verdict, Verdict::kDone);
    }
    const auto parent = open_folder(upper.parent_path());
    const ecryptfs::mount::UnmountRequest unmount{upper.filename(), mount_id(upper)};
    const Helper first(alice().id, Helper::Traced::kYes);
    first.send(unmount, {parent.get()});
    first.run_until_umount();
    const Helper second(alice().id);
    second.send(unmount, {parent.get()});
    test::wait_until("the second one waits", [&] { return waits_for_a_lock(second.pid()); });
    first.go_on();
    EXPECT_EQ(first.reply().verdict, Verdict::kDone);
    EXPECT_EQ(second.reply().verdict, Verdict::kNotThatMount);
    EXPECT_EQ(mount_id(upper), below);
    EXPECT_EQ(::umount2(upper.c_str(), 0), 0);
}

TEST_F(MountHelper, LazyUnmountTakesOnlyCheckedMount) {
    const auto upper = mount_.upper();
    ASSERT_EQ(mount_by_helper().verdict, Verdict::kDone);
    const auto parent = open_folder(upper.parent_path());
    const Helper helper(alice().id, Helper::Traced::kYes);
    helper.send(ecryptfs::mount::UnmountRequest{upper.filename(), mount_id(upper), true},
                {parent.get()});
    helper.run_until_umount();
    ASSERT_EQ(::umount2(upper.c_str(), MNT_DETACH), 0);
    ASSERT_EQ(::mount("none", upper.c_str(), "tmpfs", 0, ""), 0);
    helper.go_on();
    EXPECT_NE(helper.reply().verdict, Verdict::kDone) << "it is gone";
    EXPECT_EQ(::umount2(upper.c_str(), 0), 0) << "which is still there";
}

TEST_F(MountHelper, RootMountsAndUnmountsForItself) {
    make_folder("/mnt/scratch/roots", kRoot);
    const auto mounted =
        as_root({"mount", "--kernel", mount_.lower(), "/mnt/scratch/roots", "--key", kSignature});
    EXPECT_EQ(mounted.exit_code, 0) << mounted.err;
    EXPECT_TRUE(shows_ecryptfs("/mnt/scratch/roots"));
    const auto gone = as_root({"umount", "/mnt/scratch/roots", "--keep-keys"});
    EXPECT_EQ(gone.exit_code, 0) << gone.err;
    fs::remove("/mnt/scratch/roots");
    const auto on_alices = as_root(
        {"mount", "--kernel", "--fresh", mount_.lower(), mount_.upper(), "--key", kSignature});
    EXPECT_EQ(on_alices.exit_code, 10) << "alice may put anything in its place";
    EXPECT_THAT(on_alices.err, HasSubstr("--user alice"));
    fs::remove_all("/root/.config/ecryptfs-agent");
}

TEST_F(MountHelper, RootsKeysAreNotForOthers) {
    const auto outcome = as_root({"mount", "--kernel", mount_.lower(), mount_.upper(), "--key",
                                  kSignature, "--user", alice().name});
    EXPECT_EQ(outcome.exit_code, 8) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(fmt::format("no key {}", kSignature)));
}

TEST_F(MountHelper, RememberedFolderObeysTheSameRules) {
    const fs::path memory = alice().home() + "/.config/ecryptfs-agent/folders.json";
    ASSERT_EQ(session_.run({"mkdir", "-p", memory.parent_path()}).exit_code, 0);
    std::ofstream(memory) << fmt::format(
        R"({{"folders": [{{"lower": "{}", "upper": "/root", "keys": ["{}"], "recovery": [],
            "name_keys": [], "cipher": "aes", "key_bytes": 16, "xattr": false,
            "passthrough": false, "unlink_keys": true, "locators": {{}}}}]}})",
        mount_.lower().string(), kSignature);
    ASSERT_EQ(add_token(KEY_SPEC_USER_KEYRING), 0);
    const auto unreadable = as_root({"mount", "--kernel", "--user", "alice", mount_.lower()});
    EXPECT_EQ(unreadable.exit_code, 10) << unreadable.err;
    EXPECT_THAT(unreadable.err, HasSubstr("checking whether /root is empty"));
    const auto forced =
        as_root({"mount", "--kernel", "--user", "alice", mount_.lower(), "--force"});
    EXPECT_EQ(forced.exit_code, 10) << forced.err;
    EXPECT_THAT(forced.err, HasSubstr("/root belongs to root, and not to alice"));
    EXPECT_FALSE(shows_ecryptfs("/root"));

    // What root has set for itself is not alice's.
    const auto others = session_.run({"sudo", "env", "XDG_CONFIG_HOME=/root/.config", ECRYPTFSCTL,
                                      "mount", "--kernel", mount_.lower(), "--print-fstab"});
    EXPECT_THAT(others.out, HasSubstr(" /root ecryptfs ")) << others.err;
}

// All that a user can do to the part that is the user's: it waits for the agent, which is held up,
// after it looked at the folders.
class HeldUpMount : public MountHelper {
  protected:
    void start() {
        const auto key = session_.add_key(install_key(alice(), "k1024.pem"), "secret");
        agent_ = session_.agent();
        ASSERT_EQ(::kill(agent_, SIGSTOP), 0);
        mounting_.emplace(session_.start({"sudo", ECRYPTFSCTL, "mount", "--kernel", mount_.lower(),
                                          mount_.upper(), "--key", key, "--force"}));
        test::wait_until("it asks the agent", [] {
            const auto parts = find_processes(alice(), ECRYPTFSCTL);
            return !parts.empty() && open_sockets(parts.front()) == 2;  // the helper's, the bus's
        });
    }
    // Its exit code.
    int go_on() {
        EXPECT_EQ(send_signal(agent_, SIGCONT), 0);
        return mounting_->wait();
    }
    // As alice. 0 or an errno.
    static int send_signal(pid_t pid, int number) {
        return run_as(alice(), [&] { return ::kill(pid, number) == 0 ? 0 : errno; });
    }

  private:
    pid_t agent_ = 0;
    std::optional<Process> mounting_;
};

TEST_F(HeldUpMount, HelperIsOutOfUsersReach) {
    start();
    const auto helpers = find_processes(kRoot, ECRYPTFS_MOUNT_HELPER);
    ASSERT_EQ(helpers.size(), 1U);
    EXPECT_EQ(send_signal(helpers.front(), SIGSTOP), EPERM);
    EXPECT_EQ(send_signal(helpers.front(), SIGCONT), EPERM) << "it is in a session of its own";
    EXPECT_EQ(send_signal(find_processes(alice(), ECRYPTFSCTL).front(), 0), 0) << "this is alice's";
    EXPECT_EQ(go_on(), 0);
}

TEST_F(HeldUpMount, ExchangedUpperFolderIsNotMountedOn) {
    start();
    exchange(mount_.upper(), "/etc");
    EXPECT_EQ(go_on(), 10);
    EXPECT_FALSE(shows_ecryptfs("/etc"));
    put_back(mount_.upper());
}

TEST_F(HeldUpMount, ExchangedLowerFolderIsNotMounted) {
    start();
    exchange(mount_.lower(), others_ / "within");
    EXPECT_EQ(go_on(), 10);
    EXPECT_FALSE(shows_ecryptfs(mount_.upper()));
    put_back(mount_.lower());
}

TEST_F(MountHelper, TokenOfSessionIsFoundAndRemoved) {
    ASSERT_EQ(add_token(KEY_SPEC_SESSION_KEYRING), 0);
    const auto mounted =
        sudo({"mount", "--kernel", mount_.lower(), mount_.upper(), "--key", kSignature});
    ASSERT_EQ(mounted.exit_code, 0) << mounted.err;
    EXPECT_TRUE(shows_ecryptfs(mount_.upper()));
    const auto gone = sudo({"umount", mount_.upper()});
    EXPECT_EQ(gone.exit_code, 0) << gone.err;
    EXPECT_EQ(session_.call([] {
        return ::keyctl_search(KEY_SPEC_SESSION_KEYRING, "user", kSignature, 0) < 0 ? errno : 0;
    }),
              ENOKEY);
}

// As where sudo's PAM configuration has pam_keyinit.
TEST_F(MountHelper, UserTokensAreFoundInRootsSession) {
    ASSERT_EQ(add_token(KEY_SPEC_USER_KEYRING), 0);
    const auto in_roots_session = [&](Arguments arguments) {
        arguments.insert(arguments.begin(), {"sudo", "keyctl", "session", "-", ECRYPTFSCTL});
        return session_.run(arguments);
    };
    const auto mounted = in_roots_session(
        {"mount", "--kernel", mount_.lower(), mount_.upper(), "--key", kSignature});
    ASSERT_EQ(mounted.exit_code, 0) << mounted.err;
    const auto gone = in_roots_session({"umount", mount_.upper()});
    EXPECT_EQ(gone.exit_code, 0) << gone.err;
    EXPECT_FALSE(is_in_user_keyring(session_, kSignature));
}

TEST_F(MountHelper, FolderBehindOtherUsersIsUnreachable) {
    const auto link = mount_.lower().parent_path() / "link";
    fs::create_directory_symlink(others_ / "within", link);
    const auto outcome = sudo({"mount", "--kernel", link, mount_.upper(), "--key", kSignature});
    EXPECT_EQ(outcome.exit_code, 10) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("Permission denied"));
}

TEST_F(MountHelper, SudoDoesNotUnmountForOthers) {
    const Helper helper(bob().id);
    const auto upper = mount_bobs_folder(helper);
    const auto outcome = sudo({"umount", upper});
    EXPECT_EQ(outcome.exit_code, 10) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("--user bob"));
    EXPECT_TRUE(shows_ecryptfs(upper));
    const auto for_bob = sudo({"umount", "--user", "bob", upper, "--keep-keys"});
    EXPECT_EQ(for_bob.exit_code, 0) << for_bob.err;
    fs::remove(upper);
}

TEST_F(MountHelper, OtherUsersMountKeepsNoKeys) {
    const auto upper = mount_bobs_folder(Helper(bob().id));
    ASSERT_EQ(add_token(KEY_SPEC_USER_KEYRING), 0);
    const auto mounted =
        sudo({"mount", "--kernel", mount_.lower(), mount_.upper(), "--key", kSignature});
    ASSERT_EQ(mounted.exit_code, 0) << mounted.err;
    const auto gone = sudo({"umount", mount_.upper()});
    EXPECT_EQ(gone.exit_code, 0) << gone.err;
    EXPECT_FALSE(is_in_user_keyring(session_, kSignature));
    EXPECT_EQ(::umount2(upper.c_str(), 0), 0);
    fs::remove(upper);
}

TEST_F(MountHelper, CallerOfSudoMustBeKnown) {
    for (const char* id : {"4242", "alice", "", "-1"}) {
        const auto outcome =
            session_.run({"sudo", "env", fmt::format("SUDO_UID={}", id), ECRYPTFSCTL, "mount",
                          "--kernel", mount_.lower(), mount_.upper(), "--key", kSignature});
        EXPECT_THAT(outcome.exit_code, testing::AnyOf(2, 9)) << id << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr("--user USER"));
    }
}

}  // namespace
}  // namespace ecryptfs::vm
