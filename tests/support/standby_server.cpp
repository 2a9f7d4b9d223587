// SPDX-License-Identifier: BSL-1.0
#include "support/standby_server.hpp"

#include "support/eventually.hpp"
#include "support/observer.hpp"

#include <chrono>
#include <stdexcept>

namespace pglocks::test {
namespace {

/// By default a standby that has lost its primary sleeps for five seconds, through a promotion, too.
postgres_server::settings with_short_pauses(postgres_server::settings with) {
    with.emplace("wal_retrieve_retry_interval", "100ms");
    return with;
}

} // namespace

standby_server::standby_server(const postgres_server& primary, const settings& with)
    : postgres_server(with_short_pauses(with), {{"PGLOCKS_PRIMARY", primary.conninfo()}}) {
    observer on_primary(primary.conninfo());
    observer here(conninfo());
    const auto end = on_primary.value("select pg_current_wal_flush_lsn()");
    const auto has_caught_up = [&] {
        return here.value("select pg_last_wal_replay_lsn() >= '" + end +
                          "' and exists (select from pg_stat_wal_receiver where status = 'streaming')") ==
               "t";
    };
    if (!eventually(has_caught_up, std::chrono::seconds(60))) {
        throw std::runtime_error("the standby does not catch up with its primary\n" + log());
    }
}

void standby_server::promote() {
    if (observer(conninfo()).value("select pg_promote(wait => true, wait_seconds => 60)") != "t") {
        throw std::runtime_error("the standby is not promoted\n" + log());
    }
}

} // namespace pglocks::test
