// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/interop/python.hpp>

/// Hash policies that give the keys of other ecosystems' libraries.
namespace pglocks::interop {

/// Every interop policy. One is added by its struct, its line here and its vectors in the tests.
using all = type_list<django_pglocks, django_pglocks2>;

} // namespace pglocks::interop
