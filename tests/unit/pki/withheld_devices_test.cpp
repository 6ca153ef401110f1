// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include "pki-modules/host/landlock.h"

namespace ecryptfs::pki {
namespace {

TEST(WithheldDevices, ScreensSoundAndInputAreWithheld) {
    for (const char* name : {"tty",  "tty1",    "hvc0",      "console", "vcs1",      "pts",  "fb0",
                             "dri",  "nvidia0", "nvidiactl", "video0",  "vchiq",     "snd",  "dsp",
                             "dsp1", "audio",   "mixer",     "midi00",  "sequencer", "input"}) {
        EXPECT_TRUE(is_withheld_device(name)) << name;
    }
}

TEST(WithheldDevices, SmartCardReadersAndTpmsAreNot) {
    for (const char* name : {"ttyS0", "ttyUSB0", "ttyACM0", "bus", "hidraw0", "usb", "tpm0",
                             "tpmrm0", "null", "urandom", "shm"}) {
        EXPECT_FALSE(is_withheld_device(name)) << name;
    }
}

}  // namespace
}  // namespace ecryptfs::pki
