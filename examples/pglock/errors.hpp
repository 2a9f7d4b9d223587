// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <stdexcept>

namespace pglock {

/// The command line makes no sense: exit status 64.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// There is no connection to the server: exit status 69.
class unavailable : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace pglock
