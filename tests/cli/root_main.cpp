// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
    std::vector<char*> again = {const_cast<char*>("sudo"), const_cast<char*>("-n")};
    again.insert(again.end(), argv, argv + argc);
    again.push_back(nullptr);
    ::testing::InitGoogleMock(&argc, argv);
    if (::geteuid() != 0 && !GTEST_FLAG_GET(list_tests)) {
        ::execvp(again.front(), again.data());
        std::perror("sudo");
        return 1;
    }
    return RUN_ALL_TESTS();
}
