// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/auth_token.h"
