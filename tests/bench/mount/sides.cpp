// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/mount/sides.h"

#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <stdexcept>

#include "tests/fuse/mounted_folder.h"
#include "tests/support/command.h"
#include "tests/support/wait.h"

namespace ecryptfs::bench {
namespace {

namespace fs = std::filesystem;

fs::path make_folder(const fs::path& path) {
    fs::create_directory(path);
    return path;
}

class BareFolder : public MountSide {
  public:
    explicit BareFolder(const fs::path& place) : path_(make_folder(place / "bare")) {}

    fs::path path() const override { return path_; }
    void mount_anew() override {}
    pid_t pid() const override { return 0; }

  private:
    fs::path path_;
};

dev_t device_of(const fs::path& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_dev : 0;
}

class Gocryptfs : public MountSide {
  public:
    explicit Gocryptfs(const fs::path& place)
        : lower_(make_folder(place / "gocryptfs")),
          upper_(make_folder(place / "gocryptfs-mount")),
          password_(place / "password") {
        std::ofstream(password_) << "correct horse\n";
        const auto made = test::run(
            {kProgram, {"-init", "-q", "-scryptn", "10", "-passfile", password_, lower_}});
        if (made.exit_code != 0) {
            throw std::runtime_error("gocryptfs -init: " + made.err);
        }
        mount();
    }
    ~Gocryptfs() override { unmount(); }

    fs::path path() const override { return upper_; }
    void mount_anew() override {
        unmount();
        mount();
    }
    pid_t pid() const override { return process_->pid(); }

  private:
    static constexpr char kProgram[] = "/usr/bin/gocryptfs";

    void mount() {
        const auto before = device_of(upper_);
        process_.emplace(test::Command{kProgram,
                                       {"-q", "-fg", "-passfile", password_, lower_, upper_},
                                       {{"PATH", "/usr/bin:/bin:/usr/sbin:/sbin"}}},
                         std::map<int, int>{{2, 2}});
        test::wait_until("gocryptfs has mounted", [&] { return device_of(upper_) != before; });
    }
    void unmount() {
        test::run({"/usr/bin/fusermount3", {"-u", upper_}});
        process_->wait();
    }

    fs::path lower_;
    fs::path upper_;
    fs::path password_;
    std::optional<test::Process> process_;
};

class EcryptfsFuse : public MountSide {
  public:
    explicit EcryptfsFuse(const fs::path& place)
        : mounted_(make_folder(place / "ecryptfs"),
                   test::mount_options(test::add_passphrase_tokens("correct horse"))) {}

    fs::path path() const override { return mounted_.path(); }
    void mount_anew() override { mounted_.mount_anew(); }
    pid_t pid() const override { return mounted_.pid(); }

  private:
    test::MountedFolder mounted_;
};

}  // namespace

std::unique_ptr<MountSide> bare_folder(const fs::path& place) {
    return std::make_unique<BareFolder>(place);
}

std::unique_ptr<MountSide> gocryptfs(const fs::path& place) {
    return std::make_unique<Gocryptfs>(place);
}

std::unique_ptr<MountSide> ecryptfs_fuse(const fs::path& place) {
    return std::make_unique<EcryptfsFuse>(place);
}

}  // namespace ecryptfs::bench
