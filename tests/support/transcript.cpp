// SPDX-License-Identifier: Apache-2.0

#include "tests/support/transcript.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/files.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

// "-- NAME --"; empty for another line.
std::string file_named_by(const std::string& line) {
    const bool is_name = line.size() > 6 && line.starts_with("-- ") && line.ends_with(" --");
    return is_name ? line.substr(3, line.size() - 6) : "";
}

void make_file(const fs::path& path, const std::string& content) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

struct Script {
    std::string commands;  // with comments and what is shown
    std::string files;     // as they stand in the transcript
};

Script split(const std::string& text) {
    std::istringstream lines(text);
    Script script;
    for (std::string line; std::getline(lines, line);) {
        const bool in_files = !script.files.empty() || !file_named_by(line).empty();
        (in_files ? script.files : script.commands) += line + "\n";
    }
    return script;
}

void make_files(const std::string& files, const fs::path& folder) {
    std::istringstream lines(files);
    std::string name;
    std::string content;
    for (std::string line; std::getline(lines, line);) {
        if (const auto next = file_named_by(line); !next.empty()) {
            if (!name.empty()) {
                make_file(folder / name, content);
            }
            name = next;
            content.clear();
        } else {
            content += line + "\n";
        }
    }
    if (!name.empty()) {
        make_file(folder / name, content);
    }
}

}  // namespace

std::vector<fs::path> transcripts_in(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
        files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
}

std::string transcript_name(const fs::path& file) {
    auto name = file.stem().string();
    std::ranges::replace(name, '-', '_');
    return name;
}

std::string shown(const Outcome& outcome) {
    const auto code = std::to_string(outcome.exit_code);
    return outcome.out + (outcome.exit_code == 0 ? "" : "[exit code " + code + "]\n");
}

void expect_transcript(const fs::path& file, const fs::path& folder,
                       const std::function<std::string(const std::string& line)>& show) {
    const auto expected = content_of(file);
    const auto script = split(expected);
    make_files(script.files, folder);
    std::string actual;
    std::istringstream lines(script.commands);
    for (std::string line; std::getline(lines, line);) {
        const bool is_command = line.starts_with("$ ");
        if (is_command || line.starts_with("# ")) {
            actual += line + "\n";
        }
        if (is_command) {
            actual += show(line.substr(2));
        }
    }
    actual += script.files;
    // A folder for what there is now; the sources may belong to another user.
    if (const char* refreshed = std::getenv("ECRYPTFS_REFRESH_TRANSCRIPTS")) {
        std::ofstream stream(refreshed / file.filename());
        EXPECT_TRUE(stream << actual << std::flush);
        return;
    }
    EXPECT_EQ(actual, expected) << "where that is right: tests/cli/refresh-transcripts";
}

}  // namespace ecryptfs::test
