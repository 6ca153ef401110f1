// SPDX-License-Identifier: Apache-2.0

#include "agent/log.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace ecryptfs::agent {
namespace {

// Whether stderr is the journal's stream: systemd.exec(5), JOURNAL_STREAM.
bool stderr_is_the_journal() {
    const char* stream = ::secure_getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) {
        return false;
    }
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

// sd_journal_sendv() sends a datagram and does not wait for the journal.
void send_to_journal(Priority priority, std::string_view message,
                     std::initializer_list<LogField> fields) {
    std::vector<std::string> texts;
    texts.push_back(fmt::format("MESSAGE={}", message));
    texts.push_back(fmt::format("PRIORITY={}", std::to_underlying(priority)));
    for (const auto& field : fields) {
        texts.push_back(fmt::format("{}={}", field.name, field.value));
    }
    std::vector<iovec> parts;
    parts.reserve(texts.size());
    for (auto& text : texts) {
        parts.push_back({text.data(), text.size()});
    }
    ::sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

}  // namespace

void log_line(Priority priority, std::string_view message, std::initializer_list<LogField> fields) {
    static const bool to_journal = stderr_is_the_journal();
    if (to_journal) {
        send_to_journal(priority, message, fields);
        return;
    }
    std::fputs(fmt::format("ecryptfs-agent: {}\n", message).c_str(), stderr);
}

bool LogLimit::allows() {
    const auto now = std::chrono::steady_clock::now();
    if (now - period_start_ >= period_) {
        if (swallowed_ > 0) {
            log_line(Priority::kWarning,
                     fmt::format("{} more lines of this kind were left out", swallowed_));
        }
        period_start_ = now;
        written_ = 0;
        swallowed_ = 0;
    }
    if (written_ == burst_) {
        ++swallowed_;
        return false;
    }
    ++written_;
    return true;
}

}  // namespace ecryptfs::agent
