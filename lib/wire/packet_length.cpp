// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/packet_length.h"
