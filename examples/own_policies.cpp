// SPDX-License-Identifier: BSL-1.0
// A shop's own policies: a hash with state, a way to wait, names for a mode and a scope, and a borrowed type.
#include <pglocks/pglocks.hpp>

#include "connection.hpp"
#include "support/pg_locks.hpp"

#include <boost/crc.hpp>
#include <soci/postgresql/soci-postgresql.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace std::chrono_literals;

namespace shop {

//! [hash]
/// A hash with state: tenants never meet. In SQL: pg_advisory_lock(tenant, hashtext(name)).
class tenant {
public:
    using axis = pglocks::axis::hash;

    constexpr explicit tenant(std::int32_t id) noexcept : id_(id) {}

    [[nodiscard]] constexpr pglocks::lock_key key_of(std::string_view name) const noexcept {
        return {id_, static_cast<std::int32_t>(pglocks::hash::postgres_hashtext::key_of(name))};
    }

private:
    std::int32_t id_;
};
//! [hash]

//! [wait strategy]
/// A wait strategy: our locks are short, so try three times before queueing, which costs a snapshot.
struct three_tries_then_queue {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true; // lock() exists
    static constexpr bool bounded = true;   // so do try_lock_for() and try_lock_until()

    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline until) const {
        for (int tries = 1; tries <= 3; ++tries) {
            if (const auto got = lock.attempt(); got != pglocks::outcome::busy) {
                return got;
            }
            if (const auto paused = lock.pause(5ms, until); paused != pglocks::outcome::busy) {
                return paused; // the bound has passed, or a stop was requested
            }
        }
        return lock.queue(until);
    }
};
//! [wait strategy]

/// A mode and a scope by the names that our own code uses.
struct browsing {
    using axis = pglocks::axis::mode;
    static constexpr bool is_shared = true;
};
struct unit_of_work {
    using axis = pglocks::axis::scope;
    static constexpr bool ends_with_transaction = true;
};

using stocktaking_lock = pglocks::basic_advisory_lock<tenant, three_tries_then_queue>;
using browsing_lock = pglocks::basic_advisory_lock<browsing, tenant, three_tries_then_queue>;
using checkout_lock = pglocks::basic_advisory_lock<unit_of_work, tenant>;

} // namespace shop

/// A type that is not ours becomes a policy here: Boost's CRC-32, as Python's django-pglocks has it.
template <>
struct pglocks::policy_traits<boost::crc_32_type> {
    using axis = pglocks::axis::hash;

    static std::int64_t key_of(boost::crc_32_type crc, std::string_view name) noexcept {
        crc.process_bytes(name.data(), name.size());
        return static_cast<std::int32_t>(crc.checksum());
    }
};

namespace {

using try_django_lock = pglocks::basic_advisory_lock<pglocks::wait::none, pglocks::interop::django_pglocks>;

void check(bool as_told, const std::string& what) {
    if (!as_told) {
        throw std::runtime_error("this was to be true: " + what);
    }
    std::cout << "  " << what << '\n';
}

void run(const std::string& connection) {
    soci::session mine(soci::postgresql, connection);
    soci::session theirs(soci::postgresql, connection);
    constexpr shop::tenant seven(7);
    constexpr shop::tenant eight(8);
    constexpr pglocks::lock_key stock = pglocks::key_of("stock", seven);

    int hashtext = 0;
    mine << "select hashtext('stock')", soci::into(hashtext);
    check(stock == pglocks::lock_key(7, hashtext), "the key is what SQL computes: (7, hashtext('stock'))");
    {
        const shop::browsing_lock here(mine, "stock", seven);
        const shop::browsing_lock there(theirs, "stock", seven);
        check(here && there && example::pg_locks(mine, stock).size() == 2, "two may browse a tenant's stock");
        const shop::stocktaking_lock other(theirs, "stock", eight);
        check(other.owns_lock(), "while another tenant's is counted");
    }
    {
        shop::stocktaking_lock here(mine, "stock", seven);
        shop::stocktaking_lock there(theirs, "stock", seven, std::defer_lock);
        check(!there.try_lock_for(100ms),
              "who takes stock is alone: another tries three times, queues, and gives up");
        here.unlock();
        there.lock();
        check(there.owns_lock(), "then it is the other's turn");
    }
    {
        pglocks::transaction transaction(mine);
        const shop::checkout_lock here(transaction, "stock", seven);
        check(here && example::pg_locks(theirs, stock).size() == 1, "a unit of work holds the lock");
        transaction.commit();
        check(example::pg_locks(theirs, stock).empty(), "until it is committed");
    }
    {
        const pglocks::basic_advisory_lock<boost::crc_32_type> here(mine, "invoice:17");
        const try_django_lock there(theirs, "invoice:17");
        check(!there, "and the borrowed hash excludes who uses interop::django_pglocks");
    }
}

} // namespace

int main(int argc, char** argv) {
    try {
        run(example::connection_string(argc, argv));
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
