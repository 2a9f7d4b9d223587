// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/key.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace pglock {

/// One of the library's hashes, by the name of its policy with dashes.
struct named_hash {
    std::string name;
    std::string_view summary;
    std::string refusal;                           ///< why it cannot be chosen here; empty if it can
    pglocks::lock_key (*key_of)(std::string_view); ///< null if it cannot be chosen; throws `pglocks::refused`
};

/// The library's own hashes and every interop hash, in the order of its lists.
[[nodiscard]] const std::vector<named_hash>& hashes();

/// *Throws*: `usage_error` for a name that is none, or of a hash that cannot be chosen.
[[nodiscard]] const named_hash& hash_named(std::string_view name);

} // namespace pglock
