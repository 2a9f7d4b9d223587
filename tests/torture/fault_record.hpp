// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/fault_kind.hpp"
#include "torture/hold.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pglocks::torture {

/// A fault that was injected, and whom it could hit.
struct fault_record {
    fault_kind kind;
    instant begin;
    instant end;                        ///< when it was undone, or the server answered again
    bool everyone = false;              ///< all connections
    std::optional<route> through;       ///< all connections on this route
    std::vector<int> backends;          ///< the connections of these backends
    std::optional<unsigned> process;    ///< the worker process, counted from 0,
    std::optional<unsigned> generation; ///< and which life of it
};

/// What a monitor has seen: a lock that a fault hit, and when the server had let go of it.
struct release_sample {
    fault_kind kind;
    int backend;
    std::int64_t key;
    instant from; ///< the fault
    instant until;
};

} // namespace pglocks::torture
