// SPDX-License-Identifier: Apache-2.0

#include "cli/output/output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <limits.h>
#include <locale.h>  // NOLINT(modernize-deprecated-headers): newlocale()
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>  // NOLINT(modernize-deprecated-headers): wcwidth()

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "lib/base/utf8.h"

namespace ecryptfs::cli {
namespace {

bool is_hostile(char32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) ||       // control
           c == 0x61c || c == 0x200e || c == 0x200f ||  // direction
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
           (c >= 0x200b && c <= 0x200d);  // invisible
}

// How many columns of a terminal a character takes: East Asian ones and emoji take two, combining
// ones none.
std::size_t character_width(char32_t character) {
    static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (character < 0x80 || utf8 == nullptr) {
        return 1;
    }
    const locale_t before = ::uselocale(utf8);
    const int columns = ::wcwidth(static_cast<wchar_t>(character));
    ::uselocale(before);
    return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

// Of printable text, which is UTF-8.
std::size_t text_width(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        const auto [value, size] = base::first_code_point(text);
        columns += character_width(value);
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return columns;
}

bool& quiet() {
    static bool chosen = false;
    return chosen;
}

Style& chosen_style() {
    static Style style;
    return style;
}

constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kYellow = "\x1b[33m";

std::string coloured(std::string_view colour, std::string_view text) {
    return colour.empty() ? std::string(text) : fmt::format("{}{}{}", colour, text, kPlain);
}

std::string_view colour_of_mood(Mood mood) {
    switch (mood) {
        case Mood::kGood:
            return kGreen;
        case Mood::kWaiting:
            return kYellow;
        case Mood::kBad:
            return kRed;
        case Mood::kNone:
            break;
    }
    return "";
}

// The text cut to so many columns. An ellipsis stands for what is cut off.
std::string fitted(std::string_view text, std::size_t columns) {
    if (text_width(text) <= columns) {
        return std::string(text);
    }
    std::string result;
    std::size_t used = 1;  // by the ellipsis
    while (!text.empty()) {
        const auto [value, size] = base::first_code_point(text);
        used += character_width(value);
        if (used > columns) {
            break;
        }
        result += text.substr(0, std::max<std::size_t>(size, 1));
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return result + "…";
}

void print_line(std::string_view colour, std::string_view head, std::string_view text) {
    const auto style = terminal_style(STDERR_FILENO);
    fmt::print(stderr, "{}{}\n", coloured(style.colours ? colour : "", head), printable(text));
}

}  // namespace

Style terminal_style(int fd) {
    if (::isatty(fd) == 0) {
        return {};
    }
    const char* terminal = std::getenv("TERM");
    const char* no_colour = std::getenv("NO_COLOR");
    winsize size{};
    ::ioctl(fd, TIOCGWINSZ, &size);
    return {.colours = terminal != nullptr && std::string_view(terminal) != "dumb" &&
                       (no_colour == nullptr || *no_colour == '\0'),
            .columns = size.ws_col,
            .rows = size.ws_row};
}

void style_output(const Style& style) {
    chosen_style() = style;
}

const Style& output_style() {
    return chosen_style();
}

void be_quiet() {
    quiet() = true;
}

bool is_quiet() {
    return quiet();
}

std::string shortened_path(const std::string& path) {
    if (path.size() <= PATH_MAX) {
        return path;
    }
    const auto cut = path.size() - PATH_MAX;
    const auto slash = path.find('/', cut);
    return "\u2026" + path.substr(slash == std::string::npos ? cut : slash);
}

std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto [value, size] = base::first_code_point(text);
        if (size == 0 || (size == 1 && is_hostile(value))) {
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        } else if (is_hostile(value)) {
            result += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(value));
        } else {
            result += text.substr(0, size);
        }
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return result;
}

base::Result<void> print(std::string_view data) {
    if (std::fwrite(data.data(), 1, data.size(), stdout) != data.size() ||
        std::fflush(stdout) != 0) {
        return std::unexpected(
            base::system_error(base::ErrorCode::kInternal, "writing to standard output", errno));
    }
    return {};
}

void note(std::string_view text) {
    if (!is_quiet()) {
        complain(text);
    }
}

void complain(std::string_view text) {
    fmt::print(stderr, "{}\n", printable(text));
}

void warn(std::string_view text) {
    if (!is_quiet()) {
        print_line(kYellow, "warning: ", text);
    }
}

void report(const base::Error& error) {
    print_line(kRed, "ecryptfsctl: ", error.message);
    if (!error.advice.empty()) {
        print_line(kGreen, "try: ", error.advice);
    }
}

Table::Table(std::vector<Cell> headings) {
    add_row(std::move(headings));
}

void Table::add_row(std::vector<Cell> cells) {
    for (auto& cell : cells) {
        cell.text = printable(cell.text);
    }
    rows_.push_back(std::move(cells));
}

std::string Table::row_line(const std::vector<Cell>& row, const std::vector<std::size_t>& widths,
                            std::size_t indent) const {
    const auto& style = output_style();
    const bool is_heading = &row == &rows_.front();
    std::size_t left = style.columns == 0 ? std::string::npos : style.columns;
    std::string line(indent, ' ');
    left -= std::min(left, indent);
    for (std::size_t i = 0; i < row.size() && left > 0; ++i) {
        const auto cell = fitted(row[i].text, left);
        const auto colour = !style.colours ? std::string_view()
                            : is_heading   ? kBold
                                           : colour_of_mood(row[i].mood);
        line += coloured(colour, cell);
        left -= text_width(cell);
        if (i + 1 < row.size()) {
            const auto gap = std::min(left, widths[i] - text_width(row[i].text) + 2);
            line.append(gap, ' ');
            left -= gap;
        }
    }
    return line;
}

std::string Table::text(std::size_t indent) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], text_width(row[i].text));
        }
    }
    std::string result;
    for (const auto& row : rows_) {
        result += row_line(row, widths, indent) + '\n';
    }
    return result;
}

std::string local_time(std::uint64_t usec) {
    if (usec == 0) {
        return "never";
    }
    const auto seconds = static_cast<std::time_t>(usec / 1'000'000);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", local);
}

std::string span_in_words(std::uint64_t usec) {
    const std::uint64_t seconds = usec / 1'000'000;
    if (usec < 1'000) {
        return fmt::format("{} us", usec);
    }
    if (seconds < 1) {
        return fmt::format("{:.1f} ms", static_cast<double>(usec) / 1e3);
    }
    if (seconds < 60) {
        return fmt::format("{:.1f} s", static_cast<double>(usec) / 1e6);
    }
    if (seconds < 3600) {
        return fmt::format("{} min", seconds / 60);
    }
    if (seconds < 86'400) {
        return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
    }
    return fmt::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
}

std::string size_in_words(std::uint64_t bytes) {
    constexpr auto kUnits = std::to_array<std::string_view>({"kB", "MB", "GB", "TB", "PB", "EB"});
    if (bytes < 1000) {
        return fmt::format("{} bytes", bytes);
    }
    double value = static_cast<double>(bytes) / 1e3;
    std::size_t unit = 0;
    for (; value >= 999.95 && unit + 1 < kUnits.size(); ++unit) {
        value /= 1e3;
    }
    return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string latency_in_words(std::uint64_t usec) {
    return usec == 0 ? "-" : span_in_words(usec);
}

}  // namespace ecryptfs::cli
