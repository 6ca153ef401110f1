// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/locator.h"

#include <gtest/gtest.h>

#include "ecryptfs_pki_module.h"

namespace ecryptfs::tpm2_module {
namespace {

constexpr std::uint32_t kAlways = ECRYPTFS_PKI_NEEDS_TPM | ECRYPTFS_PKI_NEEDS_LOCAL_SERVICES;
constexpr std::uint32_t kDevices = kAlways | ECRYPTFS_PKI_NEEDS_DEVICES;
constexpr std::uint32_t kNetwork = kAlways | ECRYPTFS_PKI_NEEDS_NETWORK;
constexpr std::uint32_t kPrograms = kAlways | ECRYPTFS_PKI_NEEDS_PROGRAMS;

TEST(TctiNeeds, UsualWaysNeedOnlyTheTpmDevice) {
    for (const char* tcti : {"device", "device:/dev/tpmrm0", "device:/dev/tpm0", "tabrmd",
                             "tabrmd:bus_type=session", "swtpm:path=/run/tpm",
                             "libtss2-tcti-device.so.0:/dev/tpmrm0", "libtss2-tcti-tabrmd.so"}) {
        EXPECT_EQ(tcti_needs(tcti), kAlways) << tcti;
    }
}

TEST(TctiNeeds, UnknownWaysNeedDevices) {
    for (const char* tcti :
         {"device:/dev/other", "libtss2-tcti-device.so.0:/dev/other", "spi-ltt2go", "spi-ftdi",
          "i2c-ftdi", "spi-helper", "pcap:device:/dev/tpm0", "/usr/lib/libtss2-tcti-new.so", ""}) {
        EXPECT_EQ(tcti_needs(tcti), kDevices) << tcti;
    }
}

TEST(TctiNeeds, SimulatorsNeedNetworkOrPrograms) {
    EXPECT_EQ(tcti_needs("swtpm"), kNetwork);
    EXPECT_EQ(tcti_needs("mssim:host=localhost,port=2321"), kNetwork);
    EXPECT_EQ(tcti_needs("libtss2-tcti-swtpm.so.0:port=2321"), kNetwork);
    EXPECT_EQ(tcti_needs("cmd:tpm2_send"), kPrograms);
}

}  // namespace
}  // namespace ecryptfs::tpm2_module
