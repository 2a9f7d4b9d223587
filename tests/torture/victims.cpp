// SPDX-License-Identifier: BSL-1.0
#include "torture/victims.hpp"

#include "support/eventually.hpp"
#include "support/observer.hpp"

#include <chrono>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace pglocks::torture {
namespace {

constexpr const char* worker_locks =
    " from pg_locks l join (select pid, string_to_array(application_name, '/') w from pg_stat_activity) a "
    "using (pid) where l.locktype = 'advisory' and l.granted and w[1] = 'torture'";

} // namespace

victims::victims(std::string conninfo, std::mt19937_64& random)
    : conninfo_(std::move(conninfo)),
      random_(random) {}

std::vector<int> victims::numbers(const std::string& query) {
    std::istringstream words(test::observer(conninfo_).value(
        "select coalesce(string_agg(n::text, ' '), '') from (" + query + ") as all_of_them(n)"));
    return {std::istream_iterator<int>(words), {}};
}

int victims::choose_backend() {
    std::vector<int> found;
    if (std::uniform_int_distribution(1, 4)(random_) > 1) {
        found = numbers("select l.pid" + std::string(worker_locks) + " order by random() limit 1");
    }
    if (found.empty()) {
        found = numbers("select pid from pg_stat_activity where application_name like 'torture/%/lock/%' "
                        "order by random() limit 1");
    }
    return found.empty() ? 0 : found.front();
}

std::vector<held_lock> victims::locks_where(const std::string& condition) {
    const auto flat = numbers("select unnest(array[l.pid::bigint, l.objid::bigint])" +
                              std::string(worker_locks) + " and " + condition);
    std::vector<held_lock> locks;
    for (std::size_t i = 0; i + 1 < flat.size(); i += 2) {
        locks.push_back({flat[i], flat[i + 1]});
    }
    return locks;
}

void victims::wait_for_server() {
    const auto answers = [&] {
        try {
            test::observer(conninfo_).exec("select 1");
            return true;
        } catch (const test::sql_error&) {
            return false;
        }
    };
    if (!test::eventually(answers, std::chrono::seconds(60))) {
        throw std::runtime_error("the server does not come back after a fault");
    }
}

} // namespace pglocks::torture
