// SPDX-License-Identifier: Apache-2.0
//
// What people see: data on standard output, everything else on standard error.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// A text that is safe for a terminal. Control characters, characters that turn the direction of
// writing and bytes that are not UTF-8 are written as \x1b or \u202e.
std::string printable(std::string_view text);

// A path for a line or a list. Of a path longer than PATH_MAX only the end is left, behind "…": it
// cannot be opened by its path anyway, and hostile folders may make it as long as memory allows.
std::string shortened_path(const std::string& path);

// Writes data to standard output and flushes it. kInternal if it cannot be written.
base::Result<void> print(std::string_view data);

// Leaves out notes, warnings and progress bars from now on (--quiet). Failures are still printed.
void be_quiet();
bool is_quiet();

// A line on standard error: note() for what is good to know, complain() for what failed.
void note(std::string_view text);
void complain(std::string_view text);
// "warning: TEXT" on standard error.
void warn(std::string_view text);
// "ecryptfsctl: MESSAGE" and, if there is advice, "try: ADVICE" on standard error.
void report(const base::Error& error);

// What a terminal can show. All defaults if the output is not a terminal.
struct Style {
    bool colours = false;     // not with NO_COLOR (no-color.org), or on a dumb terminal
    std::size_t columns = 0;  // 0: any number
    std::size_t rows = 0;
};
Style terminal_style(int fd);

// Sets the style of standard output. Before that it is plain.
void style_output(const Style& style);
const Style& output_style();

// How good it is what a cell says: its colour.
enum class Mood : std::uint8_t { kNone, kGood, kWaiting, kBad };

// One field of a table.
struct Cell {
    template <typename Text>
        requires std::is_convertible_v<Text, std::string>
    Cell(Text&& shown, Mood how_good = Mood::kNone)
        : text(std::forward<Text>(shown)), mood(how_good) {}

    std::string text;
    Mood mood;
};

// Columns, left-aligned, two spaces apart. Every cell is made printable. The last column is not
// padded. In the style of standard output: lines are cut at its width, and cells with a mood have
// colours.
class Table {
  public:
    explicit Table(std::vector<Cell> headings);
    void add_row(std::vector<Cell> cells);
    bool empty() const { return rows_.size() == 1; }

    // A line for each row, after `indent` spaces.
    std::string text(std::size_t indent = 0) const;

  private:
    std::string row_line(const std::vector<Cell>& row, const std::vector<std::size_t>& widths,
                         std::size_t indent) const;

    std::vector<std::vector<Cell>> rows_;  // the headings first
};

// Times are in microseconds. Points in time are of CLOCK_REALTIME; 0 is never.
std::string local_time(std::uint64_t usec);      // "2026-03-01 14:05:09", "never"
std::string span_in_words(std::uint64_t usec);   // "850 us", "12.3 ms", "2.5 s", "3 min", "2 d 4 h"
std::string size_in_words(std::uint64_t bytes);  // "850 bytes", "12.3 kB", "1.2 GB"
std::string latency_in_words(std::uint64_t usec);  // the same, "-" for 0

}  // namespace ecryptfs::cli
