// SPDX-License-Identifier: BSL-1.0
#include <pglocks/pglocks.hpp>

#include <soci/version.h>

#include <string>
#include <type_traits>

static_assert(SOCI_VERSION >= 400100, "these are not the declarations of SOCI 4.1");

/// What SOCI 4.1 offers with its own errors works with ours.
std::string sqlstate_of(const pglocks::lock_error& error);
std::string sqlstate_of(const pglocks::lock_error& error) {
    const soci::soci_error& as_any_other = error;
    return as_any_other.get_sqlstate();
}
static_assert(std::is_same_v<decltype(&pglocks::lock_error::get_sqlstate),
                             std::string (pglocks::lock_error::*)() const>);
