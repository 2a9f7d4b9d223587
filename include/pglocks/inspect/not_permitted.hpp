// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/error.hpp>

namespace pglocks {

/// The role of this session may not do what was asked for (42501): its advice says which membership is
/// missing.
class PGLOCKS_EXPORT not_permitted : public lock_error {
public:
    using lock_error::lock_error;
};

} // namespace pglocks
