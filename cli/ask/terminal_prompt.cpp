// SPDX-License-Identifier: Apache-2.0
//
// Signals are blocked and read from a signalfd, so that none can come between switching the echo
// off and on again.

#include "cli/ask/terminal_prompt.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include "cli/ask/refusals.h"
#include "lib/base/handle.h"
#include "lib/base/sealed_memfd.h"
#include "lib/base/try.h"
#include "lib/pki/client/live_hosts.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;

constexpr auto kFatalSignals = std::to_array({SIGINT, SIGTERM, SIGHUP, SIGQUIT});

base::Error terminal_error(int error_number) {
    return base::system_error(ErrorCode::kInternal, "asking on the terminal", error_number,
                              "use --passphrase-file");
}

// Blocks signals while it lives and offers them on a descriptor.
class CaughtSignals {
  public:
    CaughtSignals() {
        ::sigemptyset(&caught_);
        for (const int signal : kFatalSignals) {
            ::sigaddset(&caught_, signal);
        }
        ::sigaddset(&caught_, SIGTSTP);
        ::sigaddset(&caught_, SIGCONT);
        ::pthread_sigmask(SIG_BLOCK, &caught_, &before_);
        fd_.reset(::signalfd(-1, &caught_, SFD_CLOEXEC | SFD_NONBLOCK));
    }
    CaughtSignals(const CaughtSignals&) = delete;
    CaughtSignals& operator=(const CaughtSignals&) = delete;
    ~CaughtSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    int fd() const { return fd_.get(); }

    // The next signal, 0 if there is none.
    int take() {
        signalfd_siginfo info{};
        const auto size = ::read(fd_.get(), &info, sizeof(info));
        return size == sizeof(info) ? static_cast<int>(info.ssi_signo) : 0;
    }

    // Lets the signal do to the process what it does by default. Returns for SIGTSTP, when resumed.
    void deliver(int signal) {
        if (signal != SIGTSTP) {
            pki::end_live_hosts();
        }
        struct sigaction by_default{};
        by_default.sa_handler = SIG_DFL;
        struct sigaction old{};
        ::sigaction(signal, &by_default, &old);
        ::raise(signal);
        sigset_t one;
        ::sigemptyset(&one);
        ::sigaddset(&one, signal);
        ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
        ::pthread_sigmask(SIG_BLOCK, &one, nullptr);
        ::sigaction(signal, &old, nullptr);
    }

    // Takes the SIGCONT that ended a stop, so that nobody is asked twice. There is none when the
    // kernel did not stop the process, having no shell that could resume it.
    void forget_continuing() {
        sigset_t continuing;
        ::sigemptyset(&continuing);
        ::sigaddset(&continuing, SIGCONT);
        constexpr timespec kAtOnce{};
        ::sigtimedwait(&continuing, nullptr, &kAtOnce);
    }

  private:
    sigset_t caught_{};
    sigset_t before_{};
    base::UniqueFd fd_;
};

// A terminal whose echo is off while this object lives.
class QuietTerminal {
  public:
    QuietTerminal(int fd, std::string_view prompt) : fd_(fd), prompt_(prompt) {
        valid_ = ::tcgetattr(fd, &before_) == 0;
    }
    QuietTerminal(const QuietTerminal&) = delete;
    QuietTerminal& operator=(const QuietTerminal&) = delete;
    ~QuietTerminal() { restore(); }

    bool ask() {
        if (!valid_) {
            return false;
        }
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        quiet.c_lflag |= ICANON | ISIG | ECHONL;
        quiet_ = ::tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
        show(prompt_);
        return quiet_;
    }

    void restore() {
        if (quiet_) {
            ::tcsetattr(fd_, TCSADRAIN, &before_);
            quiet_ = false;
        }
    }

    // On the terminal itself if it is open for writing, else on standard error.
    void show(std::string_view text) const {
        const bool writable = (::fcntl(fd_, F_GETFL) & O_ACCMODE) == O_RDWR;
        static_cast<void>(::write(writable ? fd_ : STDERR_FILENO, text.data(), text.size()) < 0);
    }

  private:
    int fd_;
    std::string_view prompt_;
    termios before_{};
    bool valid_ = false;
    bool quiet_ = false;
};

std::optional<base::Error> ask_again(QuietTerminal& terminal) {
    terminal.restore();
    return terminal.ask() ? std::nullopt : std::optional(terminal_error(errno));
}

// Nothing when the signal was dealt with and the question stands.
std::optional<base::Error> handle_signal(int signal, CaughtSignals& signals,
                                         QuietTerminal& terminal) {
    if (signal == SIGCONT) {
        // Whoever stopped this program may have changed the terminal meanwhile.
        return ask_again(terminal);
    }
    terminal.restore();
    terminal.show("\n");
    if (signal == SIGINT) {
        return cancelled_error();
    }
    signals.deliver(signal);
    signals.forget_continuing();
    return ask_again(terminal);
}

// A line that the terminal has ready.
Result<base::SecretBytes> read_line(int terminal) {
    auto line = TRY(base::SecretBytes::create(base::kMaxSecretSize));
    const auto size = ::read(terminal, line.span().data(), line.size());
    if (size < 0) {
        return std::unexpected(terminal_error(errno));
    }
    if (size == 0) {
        return std::unexpected(cancelled_error());
    }
    auto typed = line.view().first(static_cast<std::size_t>(size));
    if (typed.back() == '\n') {
        typed = typed.first(typed.size() - 1);
    }
    if (typed.empty()) {
        return std::unexpected(empty_answer_error("nothing was typed"));
    }
    return base::SecretBytes::copy(typed);
}

}  // namespace

Result<base::SecretBytes> prompt_for_secret(int terminal_fd, std::string_view prompt) {
    CaughtSignals signals;
    QuietTerminal terminal(terminal_fd, prompt);
    if (signals.fd() < 0 || !terminal.ask()) {
        return std::unexpected(terminal_error(errno));
    }
    while (true) {
        auto ready = std::to_array<pollfd>({{.fd = signals.fd(), .events = POLLIN, .revents = 0},
                                            {.fd = terminal_fd, .events = POLLIN, .revents = 0}});
        if (::poll(ready.data(), ready.size(), -1) < 0) {
            return std::unexpected(terminal_error(errno));
        }
        if (const int signal = signals.take(); signal != 0) {
            if (auto error = handle_signal(signal, signals, terminal)) {
                return std::unexpected(std::move(*error));
            }
        } else if (ready[1].revents != 0) {
            return read_line(terminal_fd);
        }
    }
}

}  // namespace ecryptfs::cli
