// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/device_frame.h"
