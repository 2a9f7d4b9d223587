// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/release_monitor.hpp"

#include <random>
#include <string>
#include <vector>

namespace pglocks::torture {

/// Finds workers' backends and locks in a server that may be about to crash.
///
/// Workers are known by application_name: torture/route/purpose/number. *Throws*, all of it: test::sql_error,
/// if the server is not there at the moment.
class victims {
public:
    victims(std::string conninfo, std::mt19937_64& random);

    /// The backend of a worker's session that takes locks, mostly one that holds a lock; 0 if there is none.
    [[nodiscard]] int choose_backend();
    /// What workers hold whose name, split into the words w, meets an SQL condition.
    [[nodiscard]] std::vector<held_lock> locks_where(const std::string& condition);
    /// The numbers that a query answers.
    [[nodiscard]] std::vector<int> numbers(const std::string& query);
    /// Waits until the server answers. *Throws*: std::runtime_error, if it does not come back.
    void wait_for_server();

private:
    std::string conninfo_;
    std::mt19937_64& random_;
};

} // namespace pglocks::torture
