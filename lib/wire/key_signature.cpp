// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/key_signature.h"
