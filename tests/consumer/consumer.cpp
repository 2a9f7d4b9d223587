// SPDX-License-Identifier: BSL-1.0
// A program of two units, or of one and a shared library, each of which uses pglocks, on one session of the
// server that libpq's environment names. Exits with 0 if both agree.
#include <pglocks/pglocks.hpp>

#include "reports.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

void check(bool condition, const std::string& what) {
    if (!condition) {
        throw std::runtime_error("not true: " + what);
    }
}

bool is_free(soci::session& other) {
    const pglocks::try_advisory_lock lock(other, "nightly-report");
    return lock.owns_lock();
}

void a_lock_goes_across(soci::session& sql, soci::session& other) {
    auto theirs = reports::begin(sql);
    check(theirs.owns_lock() && theirs.key() == reports::key(), "a lock that the library took is ours");
    check(!is_free(other), "and is held");
    reports::end(std::move(theirs));
    check(is_free(other), "and is released by the library");
}

void a_pending_release_is_known_to_both(soci::session& sql, soci::session& other) {
    sql << "begin";
    reports::end(reports::begin(sql));
    check(!pglocks::release_pending(sql), "what the library has yet to release is known here");
    sql << "commit";
    check(is_free(other) && pglocks::release_pending(sql), "and COMMIT releases it");

    sql << "begin";
    {
        const pglocks::advisory_lock ours(sql, "nightly-report");
    }
    check(!reports::is_settled(sql), "what we have yet to release is known in the library");
    sql << "rollback";
    check(is_free(other) && reports::is_settled(sql), "and ROLLBACK releases it");
}

int failures = 0;
void count_failure(const pglocks::lock_error& error) noexcept {
    failures += dynamic_cast<const pglocks::not_held*>(&error) != nullptr ? 1 : 0;
}

void there_is_one_handler(soci::session& sql) {
    pglocks::set_release_failure_handler(&count_failure);
    auto lock = reports::begin(sql);
    sql << "do $$ begin perform pg_advisory_unlock_all(); end $$";
    reports::end(std::move(lock));
    check(failures == 1, "our handler hears of a release that fails in the library");
    check(reports::replace_handler() == &count_failure, "the library sees our handler");
    check(pglocks::set_release_failure_handler(nullptr) == &pglocks::print_release_failure,
          "and has replaced it for both");
}

template <class Error>
void is_caught_by_its_type(soci::session& sql) {
    try {
        reports::end(reports::begin(sql));
    } catch (const Error& error) {
        check(error.key() == reports::key(), "an exception has kept its key");
        std::cout << error.what() << '\n';
        return;
    }
    check(false, "it is an error to lock here");
}

void a_loss_is_known_to_both(soci::session& sql, soci::session& other) {
    const pglocks::advisory_lock ours(sql, "invoices");
    auto theirs = reports::begin(sql);
    int process = 0;
    sql << "select pg_backend_pid()", soci::into(process);
    other << "do $$ begin perform pg_terminate_backend(" + std::to_string(process) + ", 10000); end $$";
    is_caught_by_its_type<pglocks::connection_lost>(sql);
    check(ours.lost() && theirs.lost(), "what is lost in the library is lost here");
}

} // namespace

int main() {
    try {
        soci::session sql(soci::postgresql, "");
        soci::session other(soci::postgresql, "");
        check(reports::key() == pglocks::key_of("nightly-report"), "the keys are the same");
        a_lock_goes_across(sql, other);
        a_pending_release_is_known_to_both(sql, other);
        there_is_one_handler(sql);
        a_loss_is_known_to_both(sql, other);
        soci::session closed;
        is_caught_by_its_type<pglocks::refused>(closed);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
