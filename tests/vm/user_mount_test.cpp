// SPDX-License-Identifier: Apache-2.0
//
// One folder by turns: what the kernel's eCryptfs writes ecryptfs-fuse reads and changes, and the
// other way. A plain folder gets the same changes and tells what is right.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>

#include "lib/base/error.h"
#include "lib/wire/auth_token.h"
#include "tests/support/random_operations.h"
#include "tests/support/wait.h"
#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/kernel.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

namespace fs = std::filesystem;

// Keys as passphrases would have made them, which takes long here.
constexpr char kContentsKey[] = "c0ffee0000000001";
constexpr char kNameKey[] = "c0ffee0000000002";

enum class Side { kKernel, kUserSpace };

struct Format {
    const char* name;
    const char* cipher;
    unsigned key_bytes;
    const char* private_key = "";
    bool has_passphrase = true;
    bool encrypts_names = false;
    bool in_attribute = false;
};

void PrintTo(const Format& format, std::ostream* stream) {  // NOLINT(readability-identifier-naming)
    *stream << format.name;
}

void check(bool holds, const char* call) {
    if (!holds) {
        throw std::runtime_error(fmt::format("{}: errno {}", call, errno));
    }
}

std::string text_of(std::size_t size, unsigned seed) {
    constexpr std::size_t kPeriod = 4099;  // no two extents are alike
    std::string text(std::min(size, kPeriod), '\0');
    std::uint32_t state = seed * 2'654'435'761U + 1;
    for (auto& byte : text) {
        state = state * 1'664'525U + 1'013'904'223U;
        byte = static_cast<char>(state >> 24);
    }
    text.reserve(size);
    while (text.size() < size) {
        text.append(text, 0, size - text.size());
    }
    return text;
}

void write_at(const fs::path& path, int flags, std::size_t offset, const std::string& text) {
    const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0640));
    check(static_cast<bool>(fd), "open");
    check((flags & O_APPEND) != 0 || ::lseek(fd.get(), static_cast<off_t>(offset), SEEK_SET) >= 0,
          "lseek");
    check(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
          "write");
}

void append_in_pieces(const fs::path& path, unsigned seed) {
    const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    check(static_cast<bool>(fd), "open");
    const auto text = text_of(1009, seed);
    for (int i = 0; i < 10; ++i) {
        check(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
              "write");
    }
}

std::string long_name(unsigned seed) {
    return std::string(141, 'n') + fmt::format("{:02}", seed);
}

void make_tree(const fs::path& root, std::size_t large) {
    for (const std::size_t size : {0, 1, 4095, 4096, 4097}) {
        write_at(root / fmt::format("size {}", size), 0, 0,
                 text_of(size, static_cast<unsigned>(size)));
    }
    write_at(root / "large", 0, 0, text_of(large, 7));
    write_at(root / "rewritten", 0, 0, text_of(10'000, 8));
    fs::create_directory(root / "folder");
    write_at(root / "folder" / long_name(0), 0, 0, "long");
    fs::create_symlink("size 1", root / "link");
    fs::create_symlink(std::string(70, 't'), root / "longer link");
    fs::create_symlink("folder/" + std::string(900, 'x'), root / "long link");
}

// Each of what changes a file's size or place. `step` makes it another one each time.
void change_tree(const fs::path& root, unsigned step, std::size_t large) {
    check(::truncate((root / "size 4097").c_str(), 100 + static_cast<off_t>(step)) == 0, "shrink");
    check(::truncate((root / "size 1").c_str(), 9000 * static_cast<off_t>(step)) == 0, "grow");
    check(::truncate((root / "large").c_str(),
                     static_cast<off_t>(step % 2 == 0 ? large + 30'000 : large / 2 + 3)) == 0,
          "cut");
    write_at(root / "size 4095", O_APPEND, 0, text_of(5000, step));
    write_at(root / "size 0", 0, 20'000 * std::size_t{step}, text_of(100, step));
    write_at(root / "large", 0, 23'456 - std::size_t{step}, text_of(10'000, step));
    write_at(root / "rewritten", O_TRUNC, 0, text_of(3'000, step));
    write_at(root / fmt::format("size {}", 4096), 0, 4096 * std::size_t{step}, "x");
    append_in_pieces(root / fmt::format("pieces {}", step), step);
    fs::create_hard_link(root / "large", root / fmt::format("hard link {}", step));
    fs::rename(root / "folder" / long_name(step - 1), root / "folder" / long_name(step));
    fs::rename(root / "folder", root / "moved");
    fs::rename(root / "moved", root / "folder");
    fs::remove(root / "link");
    fs::create_symlink(fmt::format("pieces {}", step), root / "link");
    if (step > 1) {
        fs::remove(root / fmt::format("hard link {}", step - 1));
        fs::rename(root / fmt::format("pieces {}", step - 1), root / "kept");
    }
}

// Both kinds at length are too slow in an emulated machine for the large keys.
void make_small_tree(const fs::path& root) {
    for (const std::size_t size : {0, 4095, 4097}) {
        write_at(root / fmt::format("size {}", size), 0, 0, text_of(size, 1));
    }
}
void change_small_tree(const fs::path& root, unsigned step) {
    write_at(root / "size 4095", O_APPEND, 0, text_of(5000, step));
    write_at(root / fmt::format("new {}", step), 0, 5000, text_of(10, step));
    check(::truncate((root / "size 4097").c_str(), 100 * static_cast<off_t>(step)) == 0, "cut");
}

// The kernel does not find the size of a file in its attribute before it is opened
// (crypto.c: ecryptfs_read_and_validate_xattr_region asks for too few bytes).
void open_all(const fs::path& folder) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (fs::is_regular_file(entry.symlink_status())) {
            const base::UniqueFd fd(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
            check(static_cast<bool>(fd), "open");
        }
    }
}

void add_key(const char* signature, std::uint8_t byte) {
    const std::array<std::uint8_t, wire::kMaxFekek> key = [byte] {
        std::array<std::uint8_t, wire::kMaxFekek> bytes{};
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            bytes[i] = static_cast<std::uint8_t>(byte + 7 * i);
        }
        return bytes;
    }();
    const std::array<std::uint8_t, 8> salt{};
    std::array<std::uint8_t, wire::kAuthTokenSize> payload{};
    const auto name = base::value_or_throw(wire::KeySignature::from_text(signature));
    const auto token =
        base::value_or_throw(wire::encode_passphrase_token({name, key, salt}, payload));
    check(::add_key("user", signature, token.data(), token.size(), KEY_SPEC_USER_KEYRING) >= 0,
          "add_key");
}

// What `body`, run as the user, gives or throws.
std::string as_alice(const std::function<std::string()>& body) {
    const auto found = memory_file();
    run_as(alice(), [&] {
        std::string text;
        try {
            text = body();
        } catch (const std::exception& error) {
            text = error.what();
        }
        return ::write(found.get(), text.data(), text.size()) >= 0 ? 0 : 1;
    });
    return content_of(found.get());
}

class ByTurns : public OnTheRealKernel {
  protected:
    // A session takes seconds here: all tests have the same.
    static void SetUpTestSuite() {
        load_fuse();
        session_ = std::make_unique<UserSession>(alice());
        EXPECT_EQ(session_->call([] {
            add_key(kContentsKey, 1);
            add_key(kNameKey, 2);
            return 0;
        }),
                  0);
    }
    static void TearDownTestSuite() { session_.reset(); }

    void TearDown() override {
        ::umount2(mount_.upper().c_str(), MNT_DETACH);
        fs::remove_all(plain_);
        OnTheRealKernel::TearDown();
    }

    static std::string options(const Format& format) {
        auto text = fmt::format("ecryptfs_cipher={},ecryptfs_key_bytes={}", format.cipher,
                                format.key_bytes);
        if (*format.private_key != '\0') {
            text += ",ecryptfs_sig=" +
                    session_->add_key(install_key(alice(), format.private_key), "secret");
        }
        text += format.has_passphrase ? fmt::format(",ecryptfs_sig={}", kContentsKey) : "";
        text += format.encrypts_names ? fmt::format(",ecryptfs_fnek_sig={}", kNameKey) : "";
        text += format.in_attribute ? ",ecryptfs_xattr_metadata" : "";
        return text;
    }

    void mount(Side side, const std::string& options) {
        if (side == Side::kKernel) {
            mount_.mount(options);
            return;
        }
        const auto outcome =
            session_->run({ECRYPTFS_FUSE, mount_.lower(), mount_.upper(), "-o", options});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    }
    void unmount(Side side) {
        if (side == Side::kKernel) {
            mount_.unmount();
            return;
        }
        EXPECT_EQ(::umount2(mount_.upper().c_str(), 0), 0);
        test::wait_until("it has ended",
                         [] { return find_processes(alice(), ECRYPTFS_FUSE).empty(); });
    }
    // Mounts, compares, and does `work` to both folders.
    void take_turn(Side side, const std::string& options,
                   const std::function<std::string(const fs::path&, const fs::path&)>& work) {
        SCOPED_TRACE(side == Side::kKernel ? "by the kernel" : "by ecryptfs-fuse");
        ASSERT_NO_FATAL_FAILURE(mount(side, options));
        EXPECT_EQ(as_alice([&] {
                      if (side == Side::kKernel) {
                          open_all(mount_.upper());
                      }
                      const auto difference = test::first_difference(plain_, mount_.upper());
                      return difference.empty() ? work(plain_, mount_.upper()) : difference;
                  }),
                  "");
        unmount(side);
    }

    // Where tmpfs has no attributes of users (before Linux 6.6) the kernel cannot either.
    bool has_attributes() const {
        return ::getxattr(mount_.lower().c_str(), "user.ecryptfs", nullptr, 0) >= 0 ||
               errno != EOPNOTSUPP;
    }

    static fs::path make_plain_folder() {
        const fs::path folder = "/mnt/scratch/by-turns-plain";
        fs::create_directories(folder);
        EXPECT_EQ(::chown(folder.c_str(), alice().id, alice().id), 0);
        return folder;
    }

    static std::unique_ptr<UserSession> session_;
    Mount mount_{*session_, "by-turns"};
    fs::path plain_ = make_plain_folder();
};

std::unique_ptr<UserSession> ByTurns::session_;

class EachFormat : public ByTurns, public testing::WithParamInterface<Format> {};

TEST_P(EachFormat, IsReadAndChangedByBothSides) {
    const auto& format = GetParam();
    if (format.in_attribute && !has_attributes()) {
        return;
    }
    const auto with = options(format);
    const std::size_t large = format.name == std::string("Aes16") ? 2'100'005 : 150'005;
    const bool is_small = std::string(format.private_key).find("k2048") == std::string::npos &&
                          *format.private_key != '\0';
    const auto make = [&](const fs::path& plain, const fs::path& upper) {
        for (const auto& root : {plain, upper}) {
            is_small ? make_small_tree(root) : make_tree(root, large);
        }
        return std::string();
    };
    const auto change = [&](unsigned step) {
        return [is_small, step, large](const fs::path& plain, const fs::path& upper) {
            for (const auto& root : {plain, upper}) {
                is_small ? change_small_tree(root, step) : change_tree(root, step, large);
            }
            return std::string();
        };
    };
    const auto nothing = [](const fs::path&, const fs::path&) { return std::string(); };
    // Either side is the first one for some format.
    const auto first = format.key_bytes == 16 ? Side::kKernel : Side::kUserSpace;
    const auto second = first == Side::kKernel ? Side::kUserSpace : Side::kKernel;
    take_turn(first, with, make);
    take_turn(second, with, change(1));
    take_turn(first, with, change(2));
    take_turn(second, with, nothing);
}

INSTANTIATE_TEST_SUITE_P(
    All, EachFormat,
    testing::Values(
        Format{.name = "Aes16", .cipher = "aes", .key_bytes = 16},
        Format{.name = "Aes24Names", .cipher = "aes", .key_bytes = 24, .encrypts_names = true},
        Format{.name = "Aes32NamesAttribute",
               .cipher = "aes",
               .key_bytes = 32,
               .encrypts_names = true,
               .in_attribute = true},
        Format{.name = "Aes16Attribute", .cipher = "aes", .key_bytes = 16, .in_attribute = true},
        Format{.name = "TripleDesNames",
               .cipher = "des3_ede",
               .key_bytes = 24,
               .encrypts_names = true},
        Format{
            .name = "BlowfishNames", .cipher = "blowfish", .key_bytes = 16, .encrypts_names = true},
        Format{.name = "Cast5Names", .cipher = "cast5", .key_bytes = 16, .encrypts_names = true},
        Format{.name = "Rsa1024",
               .cipher = "aes",
               .key_bytes = 16,
               .private_key = "k1024.pem",
               .has_passphrase = false},
        Format{.name = "Rsa2048OrPassphraseNames",
               .cipher = "aes",
               .key_bytes = 32,
               .private_key = "k2048.pem",
               .encrypts_names = true},
        Format{.name = "Rsa3072Attribute",
               .cipher = "aes",
               .key_bytes = 24,
               .private_key = "k3072.pem",
               .has_passphrase = false,
               .in_attribute = true},
        Format{.name = "Rsa4096",
               .cipher = "aes",
               .key_bytes = 16,
               .private_key = "k4096.pem",
               .has_passphrase = false}),
    [](const auto& format) { return std::string(format.param.name); });

TEST_F(ByTurns, RandomOperationsGiveWhatAPlainFolderGives) {
    constexpr int kTurns = 6;
    constexpr int kOperations = 150;
    const auto with =
        options({.name = "", .cipher = "aes", .key_bytes = 16, .encrypts_names = true});
    // The operations run in children: each turn has its own.
    for (int turn = 0; turn < kTurns; ++turn) {
        const auto seed = static_cast<unsigned>(42 + turn);
        take_turn(turn % 2 == 0 ? Side::kKernel : Side::kUserSpace, with,
                  [seed](const fs::path& plain, const fs::path& upper) {
                      test::RandomOperations operations(seed);
                      for (int i = 0; i < kOperations; ++i) {
                          auto wrong = test::carry_out(operations.next(), plain, upper);
                          if (!wrong.empty()) {
                              return fmt::format("{}: {}", i, wrong);
                          }
                      }
                      return test::first_difference(plain, upper);
                  });
        ASSERT_FALSE(HasFailure()) << "turn " << turn;
    }
    take_turn(Side::kKernel, with, [](const auto&, const auto&) { return std::string(); });
}

}  // namespace
}  // namespace ecryptfs::vm
