// SPDX-License-Identifier: Apache-2.0
//
// Rows of the table of all advice (tests/cli/advice_table_test.cpp): an error that is made for
// real, its advice, and what comes of following it.

#pragma once

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>

#include "tests/contract/loaded_module.h"
#include "tests/support/advised_command.h"
#include "tests/support/command.h"

namespace ecryptfs::contract {

inline void expect_advice(const Outcome& refused, ecryptfs_pki_status status,
                          const std::string& advice) {
    EXPECT_EQ(refused.status, status) << refused;
    EXPECT_EQ(refused.advice, advice) << refused;
}

// What `refused` gives for a user without privileges, since root may use everything. It runs in a
// child.
inline Outcome as_nobody(const std::function<Outcome()>& refused) {
    const test::Pipe pipe;
    const pid_t child = ::fork();
    if (child == 0) {
        constexpr uid_t kNobody = 65534;
        if (::geteuid() == 0 &&
            (::setgroups(0, nullptr) != 0 || ::setegid(kNobody) != 0 || ::seteuid(kNobody) != 0)) {
            ::_exit(1);
        }
        const auto outcome = refused();
        const auto text = static_cast<char>(outcome.status) + outcome.advice;
        const auto size = ::write(pipe.writer.get(), text.data(), text.size());
        ::_exit(size == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    int ended = 0;
    EXPECT_EQ(::waitpid(child, &ended, 0), child);
    EXPECT_EQ(ended, 0);
    std::array<char, ECRYPTFS_PKI_MAX_TEXT + 1> text{};
    const auto size = ::read(pipe.reader.get(), text.data(), text.size());
    EXPECT_GT(size, 0);
    return {static_cast<ecryptfs_pki_status>(text[0]), "",
            std::string(text.data() + 1, static_cast<std::size_t>(size) - 1)};
}

// By a shell; `answers` are options that stand for what a person types when asked. What it prints.
inline std::string follow(const std::string& advice, const std::string& answers = "",
                          const test::Environment& environment = {}) {
    auto line = test::command_in(advice);
    line += answers.empty() ? "" : " " + answers;
    auto with_path = environment;
    with_path.try_emplace("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    const auto outcome = test::run({"/bin/sh", {"-c", line}, with_path});
    EXPECT_EQ(outcome.exit_code, 0) << line << ": " << outcome.err << outcome.out;
    return outcome.out;
}

}  // namespace ecryptfs::contract
