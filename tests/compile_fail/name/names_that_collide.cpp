// SPDX-License-Identifier: BSL-1.0
// ERROR: pglocks: two names of this set have the same key: rename one of them, or choose another hash
// NOTE: 'r', 'e', 'p', 'o', 'r', 't'
// NOTE: 'n', 'i', 'g', 'h', 't', 'l'
// MEANING: The two names would be one lock, and exclude each other. The compilers spell them out, letter by
// letter, in the notes to this error. With 64 bits, as of `hash::postgres<>`, this does not happen by
// chance; with 32 bits it does.

#include <pglocks/pglocks.hpp>

#include <cstdint>
#include <string_view>

namespace app {
struct length {
    using axis = pglocks::axis::hash;
    static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return static_cast<std::int64_t>(name.size());
    }
};
} // namespace app

using control = pglocks::name_set<app::length, "nightly", "report", "bill">;
static_assert(control::size == 3);

#ifdef PGLOCKS_MUST_FAIL
using wrong = pglocks::name_set<app::length, "nightl", "bill", "report">;
static_assert(wrong::size == 3);
#endif
