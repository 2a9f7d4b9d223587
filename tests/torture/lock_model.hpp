// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/hold.hpp"

#include <vector>

namespace pglocks::torture {

/// Two owners believed at the same time that they held one lock, at least one of them exclusively.
struct overlap {
    const hold* first;  ///< the one that was granted earlier
    const hold* second; ///< the one that was granted while the first still claimed it
    instant until;      ///< when the first of the two gave its claim up
};

/// A model of PostgreSQL's lock table that knows owners: whoever owns a key may take it again, in any mode.
///
/// The owner of a hold is its worker in one life of its process. A hold is claimed from the answer "granted"
/// to the moment before its release, or to the moment in which its holder knew of its loss, so that claims
/// are never longer than what the server had to guarantee.
/// \param holds in any order; those that were never granted are passed over
/// \returns all overlaps, in the order of the second grant.
[[nodiscard]] std::vector<overlap> find_overlaps(const std::vector<hold>& holds);

} // namespace pglocks::torture
