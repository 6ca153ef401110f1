// SPDX-License-Identifier: Apache-2.0
//
// Usage: load USER FOLDER OPENERS FILES PROGRESS      (as root)
//
// So many processes of a user each write so many files in a folder of their own below FOLDER (a
// file that is made holds up all that happens in its folder). Then, in rounds, until SIGTERM, all
// of them open, read and compare theirs and write another. In between the kernel is made to forget
// the files: each open asks for the file's key. Says what failed and when (in seconds since boot);
// PROGRESS has one line of figures, kept up to date.

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/handle.h"

namespace {

using ecryptfs::base::UniqueFd;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

// Between rounds, so that an emulated processor has time for something else too.
constexpr Milliseconds kPause{500};
constexpr Milliseconds kTick{20};

// In memory that the processes share.
struct Figures {
    std::atomic<unsigned> opened = 0;
    std::atomic<unsigned> created = 0;
    std::atomic<unsigned> failed = 0;
    std::atomic<unsigned> wrong = 0;    // read, and other bytes than were written
    std::atomic<unsigned> slowest = 0;  // of the opens, in milliseconds
    std::atomic<unsigned> rounds = 0;
    std::atomic<unsigned> ready = 0;  // processes that have done their part of the round
    std::atomic<bool> stop = false;
};

volatile sig_atomic_t terminated = 0;

void sleep_for(Milliseconds time) {
    ::usleep(static_cast<useconds_t>(time.count() * 1000));
}

std::string content_of(const std::string& path) {
    std::string content;
    while (content.size() < 6000) {  // more than one page
        content += path + '\n';
    }
    return content;
}

class Opener {
  public:
    Opener(Figures& figures, std::string folder, int files)
        : figures_(figures), folder_(std::move(folder)), files_(files) {}

    void run() {
        ::mkdir(folder_.c_str(), 0700);
        for (int i = 0; i < files_; ++i) {
            write_file(path(i));
        }
        for (unsigned round = 1; wait_for(round); ++round) {
            for (int i = 0; i < files_; ++i) {
                read_file(path(i));
            }
            write_file(folder_ + "/new");
            ::unlink((folder_ + "/new").c_str());
        }
    }

  private:
    std::string path(int i) const { return folder_ + "/" + std::to_string(i); }

    // False when it is the end.
    bool wait_for(unsigned round) {
        ++figures_.ready;
        while (figures_.rounds < round && !figures_.stop) {
            sleep_for(kTick);
        }
        return !figures_.stop;
    }

    UniqueFd open_file(const std::string& path, int flags) {
        const auto before = Clock::now();
        UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
        const int error = errno;
        const auto took = std::chrono::duration_cast<Milliseconds>(Clock::now() - before);
        const auto count = static_cast<unsigned>(took.count());
        auto slowest = figures_.slowest.load();
        while (count > slowest && !figures_.slowest.compare_exchange_weak(slowest, count)) {
        }
        if (!fd) {
            ++figures_.failed;
            report(path, error, count);
        }
        return fd;
    }

    static void report(const std::string& path, int error, unsigned took) {
        const std::chrono::duration<double> now = Clock::now().time_since_epoch();
        ::dprintf(STDOUT_FILENO, "%.1f: %s: %s after %u ms\n", now.count(), path.c_str(),
                  ::strerrordesc_np(error), took);
    }

    void write_file(const std::string& path) {
        const auto fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
        if (!fd) {
            return;
        }
        const auto content = content_of(path);
        if (::write(fd.get(), content.data(), content.size()) !=
            static_cast<ssize_t>(content.size())) {
            ++figures_.failed;
            report(path + ": write", errno, 0);
        }
        ++figures_.created;
    }

    void read_file(const std::string& path) {
        const auto fd = open_file(path, O_RDONLY);
        if (!fd) {
            return;
        }
        const auto wanted = content_of(path);
        std::string content(wanted.size() + 1, '\0');
        const auto size = ::read(fd.get(), content.data(), content.size());
        if (size < 0 ||
            std::string_view(content).substr(0, static_cast<std::size_t>(size)) != wanted) {
            ++figures_.wrong;
            report(path + ": read", size < 0 ? errno : EBADMSG, 0);
        }
        ++figures_.opened;
        // A file whose pages are in memory is not forgotten.
        ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
    }

    Figures& figures_;
    std::string folder_;
    int files_;
};

bool become(const passwd& user) {
    return ::initgroups(user.pw_name, user.pw_gid) == 0 &&
           ::setresgid(user.pw_gid, user.pw_gid, user.pw_gid) == 0 &&
           ::setresuid(user.pw_uid, user.pw_uid, user.pw_uid) == 0 &&
           ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

pid_t start(const passwd& user, Opener opener) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::signal(SIGTERM, SIG_IGN);
        if (!become(user)) {
            ::_exit(EXIT_FAILURE);
        }
        opener.run();
        ::_exit(EXIT_SUCCESS);
    }
    return pid;
}

void note(const UniqueFd& progress, const Figures& figures) {
    // The same length each time: who reads never sees half of an old line.
    ::lseek(progress.get(), 0, SEEK_SET);
    ::dprintf(progress.get(), "%8u %8u %8u %8u %8u %8u\n", figures.rounds.load(),
              figures.opened.load(), figures.created.load(), figures.failed.load(),
              figures.wrong.load(), figures.slowest.load());
}

// Twice: the kernel spares what was just used. Written files first: it does not forget those that
// are to be written.
bool forget_files(const UniqueFd& cache) {
    ::sync();
    return ::write(cache.get(), "2", 1) == 1 && ::write(cache.get(), "2", 1) == 1;
}

int fail(const char* what) {
    std::perror(what);
    return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv, argv + argc);
    const passwd* user = argc == 6 ? ::getpwnam(argv[1]) : nullptr;
    if (user == nullptr) {
        std::fputs("usage: load USER FOLDER OPENERS FILES PROGRESS\n", stderr);
        return 2;
    }
    const UniqueFd cache(::open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
    const UniqueFd progress(::open(argv[5], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!cache || !progress ||
        ::write(cache.get(), "4", 1) != 1) {  // 4: not a word of it in the log
        return fail("load");
    }
    void* memory =
        ::mmap(nullptr, sizeof(Figures), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& figures = *new (memory) Figures;
    ::signal(SIGTERM, [](int) { terminated = 1; });
    const auto openers = std::stoi(arguments[3]);
    for (int i = 0; i < openers; ++i) {
        const auto folder = arguments[2] + "/load-" + std::to_string(i);
        if (start(*user, Opener(figures, folder, std::stoi(arguments[4]))) < 0) {
            return fail("fork");
        }
    }
    while (terminated == 0) {
        sleep_for(kTick);
        note(progress, figures);
        if (figures.ready == static_cast<unsigned>(openers)) {
            sleep_for(kPause);
            if (!forget_files(cache)) {
                return fail("load");
            }
            figures.ready = 0;
            ++figures.rounds;
        }
    }
    figures.stop = true;
    bool well = true;
    for (int status = 0; ::wait(&status) > 0;) {
        well = well && status == 0;
    }
    note(progress, figures);
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}
