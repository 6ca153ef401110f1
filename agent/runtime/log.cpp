// SPDX-License-Identifier: Apache-2.0

#include "agent/runtime/log.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "agent/runtime/datagram.h"

namespace ecryptfs::agent {
namespace {

constexpr std::string_view kJournalSocket = "/run/systemd/journal/socket";
// A pipe that can take anything takes this much without waiting: pipe(7), PIPE_BUF.
constexpr std::size_t kMaxLine = 4096;

// Whether stderr is the journal's stream: systemd.exec(5), JOURNAL_STREAM.
bool stderr_is_the_journal() {
    const char* stream = ::secure_getenv("JOURNAL_STREAM");
    struct stat status{};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) {
        return false;
    }
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

// A message may quote a file name, in which a line break would begin a journal field or forge a
// line.
std::string on_one_line(std::string_view text) {
    std::string line(text.substr(0, kMaxLine / 2));
    std::ranges::replace_if(
        line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
    return line;
}

// The journal's native protocol: a line a field (systemd.io/JOURNAL_NATIVE_PROTOCOL).
void send_to_journal(Priority priority, std::string_view message,
                     std::initializer_list<LogField> fields) {
    std::string entry = fmt::format("MESSAGE={}\nPRIORITY={}\nSYSLOG_IDENTIFIER=ecryptfs-agent\n",
                                    on_one_line(message), std::to_underlying(priority));
    for (const auto& field : fields) {
        entry += fmt::format("{}={}\n", field.name, on_one_line(field.value));
    }
    send_datagram(kJournalSocket, entry);
}

// A stopped terminal, or a pipe that nobody empties, loses lines: it must not stop us.
void write_to_stderr(std::string_view message) {
    const auto line = fmt::format("ecryptfs-agent: {}\n", on_one_line(message));
    pollfd terminal{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&terminal, 1, 0) == 1 && (terminal.revents & POLLOUT) != 0) {
        static_cast<void>(::write(STDERR_FILENO, line.data(), line.size()) >= 0);
    }
}

}  // namespace

void log_line(Priority priority, std::string_view message, std::initializer_list<LogField> fields) {
    static const bool to_journal = stderr_is_the_journal();
    if (to_journal) {
        send_to_journal(priority, message, fields);
    } else {
        write_to_stderr(message);
    }
}

bool LogLimit::allows(Clock::time_point now) {
    if (!period_start_ || now - *period_start_ >= period_) {
        if (left_out_ > 0) {
            log_line(Priority::kWarning,
                     fmt::format("{} more lines of this kind were left out", left_out_));
        }
        period_start_ = now;
        written_ = 0;
        left_out_ = 0;
    }
    if (written_ == burst_) {
        ++left_out_;
        return false;
    }
    ++written_;
    return true;
}

}  // namespace ecryptfs::agent
