// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/abi/error_status.h"

#include <gtest/gtest.h>

namespace ecryptfs::pki {
namespace {

using base::ErrorCode;

TEST(ErrorStatus, EachStatusRoundTrips) {
    for (std::uint32_t number = ECRYPTFS_PKI_INVALID_LOCATOR; number <= ECRYPTFS_PKI_ALREADY_EXISTS;
         ++number) {
        const auto status = static_cast<ecryptfs_pki_status>(number);
        EXPECT_NE(error_from_status(status), ErrorCode::kModuleFailed) << number;
        EXPECT_EQ(status_from_error(error_from_status(status)), status) << number;
    }
}

TEST(ErrorStatus, OtherErrorsAreModuleFailures) {
    EXPECT_EQ(error_from_status(ECRYPTFS_PKI_FAILED), ErrorCode::kModuleFailed);
    EXPECT_EQ(error_from_status(static_cast<ecryptfs_pki_status>(ECRYPTFS_PKI_ALREADY_EXISTS + 1)),
              ErrorCode::kModuleFailed);
    EXPECT_EQ(status_from_error(ErrorCode::kModuleFailed), ECRYPTFS_PKI_FAILED);
    EXPECT_EQ(status_from_error(ErrorCode::kInternal), ECRYPTFS_PKI_FAILED);
    EXPECT_EQ(status_from_error(ErrorCode::kTimedOut), ECRYPTFS_PKI_FAILED);
}

}  // namespace
}  // namespace ecryptfs::pki
