// SPDX-License-Identifier: BSL-1.0
#pragma once

#define SOCI_VERSION 400104
