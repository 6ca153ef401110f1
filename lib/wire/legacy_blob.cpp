// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/legacy_blob.h"
