// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/tag_packet.h"
