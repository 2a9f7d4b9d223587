// SPDX-License-Identifier: BSL-1.0
#pragma once

/// What a shared library and its user must share (exceptions, the release-failure handler, the libpq event
/// procedure) keeps default visibility also under `-fvisibility=hidden`.
#define PGLOCKS_EXPORT __attribute__((visibility("default")))
