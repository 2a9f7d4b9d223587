// SPDX-License-Identifier: BSL-1.0

#include <pglocks/detail/lock_body.hpp>
#include <pglocks/detail/policy_list.hpp>
#include <pglocks/policy.hpp>

#include "../static/lock_operations.hpp"
#include "lock_table_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace mode = pglocks::mode;
namespace scope = pglocks::scope;
namespace wait = pglocks::wait;
using pglocks::lock_key;
using pglocks::lock_kind;

constexpr lock_kind exclusive{};
constexpr std::string_view constant_name = "nightly-report";

/// The core on the model: the same body that a lock of the library has, without libpq and SOCI.
template <class... Policies>
class model_lock : public pglocks::detail::lock_body<pglocks::detail::canonical_t<Policies...>,
                                                     model::connection, model::handle> {
    using body = pglocks::detail::lock_body<pglocks::detail::canonical_t<Policies...>, model::connection,
                                            model::handle>;

public:
    using typename body::wait_policy;

    model_lock() noexcept
        requires pglocks::rule::released_by_owner<pglocks::detail::canonical_t<Policies...>>
    = default;
    template <class Resource>
    explicit model_lock(Resource& resource, lock_key key = 42, const std::string_view* name = nullptr,
                        wait_policy value = {})
        : body(model::handle(resource), key, name, std::move(value)) {}
    model_lock(model_lock&&) = default;
    model_lock& operator=(model_lock&&) = default;
    ~model_lock() = default;

    void swap(model_lock& other) noexcept { body::swap(other); }
    void adopt() { body::adopt("adopted"); }
};

/// The condition of the `std::system_error` that `f` throws; 0 if it throws none.
template <class F>
int misuse(const F& f) {
    try {
        f();
    } catch (const std::system_error& error) {
        return error.code().value();
    }
    return 0;
}
constexpr int not_permitted = static_cast<int>(std::errc::operation_not_permitted);
constexpr int would_deadlock = static_cast<int>(std::errc::resource_deadlock_would_occur);

std::vector<std::string> failures; // a handler is a plain function

void keep_failure(const pglocks::lock_error& error) noexcept { failures.emplace_back(error.what()); }

/// Two sessions of one server, and a handler that keeps what goes wrong in a release.
class lock_body : public testing::Test {
public:
    lock_body() { failures.clear(); }
    ~lock_body() override { pglocks::set_release_failure_handler(before_); }
    lock_body(const lock_body&) = delete;
    lock_body& operator=(const lock_body&) = delete;

    model::lock_table table;
    model::session mine{.table = table, .pid = 1};
    model::session theirs{.table = table, .pid = 2};

    bool let_them_lock(lock_kind kind = exclusive) { return table.take(2, kind, 42); }
    bool let_them_unlock(lock_kind kind = exclusive) { return table.give_back(2, kind, 42); }
    [[nodiscard]] bool is_free() const {
        model::lock_table copy = table;
        return copy.take(3, exclusive, 42);
    }

private:
    pglocks::release_failure_handler before_ = pglocks::set_release_failure_handler(&keep_failure);
};

TEST_F(lock_body, locks_and_unlocks) {
    model_lock<> lock(mine);
    EXPECT_FALSE(lock.owns_lock());
    lock.lock();
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_TRUE(static_cast<bool>(lock));
    EXPECT_EQ(lock.backend_pid(), 1);
    EXPECT_EQ(lock.session(), &mine);
    EXPECT_EQ(lock.key(), lock_key(42));
    EXPECT_FALSE(is_free());
    lock.unlock();
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_EQ(lock.backend_pid(), 0);
    EXPECT_TRUE(is_free());
    lock.lock();
    EXPECT_TRUE(lock.owns_lock());
}

TEST_F(lock_body, asks_for_nothing_more_than_a_try_when_the_lock_is_free) {
    model_lock<> lock(mine);
    lock.lock();
    lock.unlock();
    EXPECT_EQ(mine.calls, (std::vector<std::string>{"admit", "attempt", "release"}));
}

TEST_F(lock_body, unlocks_when_it_is_destroyed) {
    {
        model_lock<> lock(mine);
        lock.lock();
    }
    EXPECT_TRUE(is_free());
    EXPECT_TRUE(failures.empty());
}

TEST_F(lock_body, waits_in_the_queue_until_the_other_unlocks) {
    let_them_lock();
    mine.while_waiting = [this] { let_them_unlock(); };
    model_lock<> lock(mine);
    lock.lock();
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_EQ(mine.calls, (std::vector<std::string>{"admit", "attempt", "queue"}));
}

TEST_F(lock_body, tries_once_under_every_wait_policy) {
    let_them_lock();
    model_lock<wait::block> blocking(mine);
    model_lock<wait::none> trying(mine);
    model_lock<wait::timeout> timed(mine);
    model_lock<wait::poll<>> polled(mine);
    EXPECT_FALSE(blocking.try_lock() || trying.try_lock() || timed.try_lock() || polled.try_lock());
    EXPECT_EQ(std::count(mine.calls.begin(), mine.calls.end(), "attempt"), 4);
    EXPECT_EQ(std::count(mine.calls.begin(), mine.calls.end(), "queue"), 0);
    let_them_unlock();
    EXPECT_TRUE(trying.try_lock());
    EXPECT_TRUE(trying.owns_lock());
}

TEST_F(lock_body, gives_up_when_the_bound_has_passed) {
    let_them_lock();
    model_lock<wait::timeout> lock(mine);
    EXPECT_FALSE(lock.try_lock_for(1ms));
    EXPECT_FALSE(lock.try_lock_until(std::chrono::system_clock::now()));
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_EQ(mine.calls.back(), "queue with a deadline");
    let_them_unlock();
    EXPECT_TRUE(lock.try_lock_for(-1h)) << "nothing or less is one try, and the lock is free";
}

TEST_F(lock_body, polls_until_the_other_unlocks_and_never_queues) {
    let_them_lock();
    int tries = 0;
    mine.before_attempt = [&] {
        if (++tries == 4) {
            let_them_unlock();
        }
    };
    model_lock<wait::poll<pglocks::fixed_pause>> lock(mine, 42, nullptr, {.backoff = {.pause = 1ms}});
    lock.lock();
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_EQ(tries, 4);
    EXPECT_EQ(std::count(mine.calls.begin(), mine.calls.end(), "queue"), 0);
}

TEST_F(lock_body, polls_up_to_the_bound) {
    let_them_lock();
    model_lock<wait::poll<>> lock(mine);
    const auto before = std::chrono::steady_clock::now();
    EXPECT_FALSE(lock.try_lock_for(20ms));
    EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms);
    EXPECT_FALSE(lock.try_lock_for(0ms));
    EXPECT_FALSE(lock.owns_lock());
}

TEST_F(lock_body, answers_false_when_it_is_stopped) {
    let_them_lock();
    std::stop_source source;
    mine.while_waiting = [&] { source.request_stop(); };
    model_lock<> lock(mine);
    EXPECT_FALSE(lock.lock(source.get_token()));
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_FALSE(lock.lock(source.get_token())) << "it stays stopped";
    model_lock<wait::timeout> timed(mine);
    EXPECT_FALSE(timed.try_lock_for(1h, source.get_token()));
    EXPECT_FALSE(timed.try_lock_until(std::chrono::steady_clock::now() + 1h, source.get_token()));
    EXPECT_EQ(table.holds(1), 0U);
}

TEST_F(lock_body, refuses_to_lock_what_it_owns) {
    model_lock<> lock(mine);
    lock.lock();
    EXPECT_EQ(misuse([&] { lock.lock(); }), would_deadlock);
    EXPECT_EQ(misuse([&] { static_cast<void>(lock.try_lock()); }), would_deadlock);
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_EQ(table.holds(1), 1U);
}

TEST_F(lock_body, refuses_to_unlock_what_it_does_not_own) {
    model_lock<> lock(mine);
    EXPECT_EQ(misuse([&] { lock.unlock(); }), not_permitted);
    lock.lock();
    lock.unlock();
    EXPECT_EQ(misuse([&] { lock.unlock(); }), not_permitted);
}

TEST_F(lock_body, without_a_session_refuses_everything) {
    model_lock<wait::poll<>> lock;
    EXPECT_EQ(misuse([&] { lock.lock(); }), not_permitted);
    EXPECT_EQ(misuse([&] { static_cast<void>(lock.try_lock()); }), not_permitted);
    EXPECT_EQ(misuse([&] { static_cast<void>(lock.try_lock_for(1s)); }), not_permitted);
    EXPECT_EQ(misuse([&] { lock.unlock(); }), not_permitted);
    EXPECT_FALSE(lock.owns_lock() || lock.lost() || lock.pending());
    EXPECT_EQ(lock.session(), nullptr);
    EXPECT_EQ(lock.backend_pid(), 0);
}

TEST_F(lock_body, has_no_exclusion_within_one_session) {
    model_lock<> first(mine);
    model_lock<> second(mine);
    first.lock();
    second.lock();
    EXPECT_TRUE(first.owns_lock() && second.owns_lock());
    EXPECT_EQ(table.holds(1), 2U);
    first.unlock();
    EXPECT_FALSE(is_free());
    second.unlock();
    EXPECT_TRUE(is_free());
}

TEST_F(lock_body, of_a_shared_lock_lets_other_readers_in_and_writers_not) {
    model_lock<mode::shared> reader(mine);
    model_lock<mode::shared> other_reader(theirs);
    model_lock<> writer(theirs);
    reader.lock_shared();
    EXPECT_TRUE(other_reader.try_lock_shared());
    other_reader.unlock_shared();
    EXPECT_FALSE(writer.try_lock());
    reader.unlock_shared();
    EXPECT_TRUE(writer.try_lock());
}

TEST_F(lock_body, passes_on_a_deadlock_with_the_key_and_does_not_own) {
    let_them_lock();
    model_lock<> lock(mine, 42, &constant_name);
    try {
        lock.lock();
        FAIL() << "the other never unlocks";
    } catch (const pglocks::deadlock_detected& error) {
        EXPECT_EQ(error.key(), lock_key(42));
        EXPECT_EQ(error.name(), constant_name);
    }
    EXPECT_FALSE(lock.owns_lock());
    let_them_unlock();
    lock.lock();
    EXPECT_TRUE(lock.owns_lock());
}

TEST_F(lock_body, is_refused_on_a_session_without_a_connection) {
    mine.lose();
    model_lock<> lock(mine);
    EXPECT_THROW(lock.lock(), pglocks::refused);
    EXPECT_FALSE(lock.owns_lock());
}

TEST_F(lock_body, knows_that_its_lock_is_lost_with_the_connection) {
    model_lock<> lock(mine);
    lock.lock();
    EXPECT_FALSE(lock.lost());
    mine.hung_up = true;
    EXPECT_TRUE(lock.lost());
    mine.lose();
    EXPECT_TRUE(lock.lost());
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_EQ(lock.backend_pid(), 0);
    EXPECT_TRUE(is_free());
}

TEST_F(lock_body, does_not_throw_from_unlocking_a_lost_lock_and_then_does_not_own_it) {
    model_lock<> lock(mine);
    lock.lock();
    mine.hung_up = true;
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_TRUE(lock.lost());
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_EQ(misuse([&] { lock.unlock(); }), not_permitted);
    EXPECT_TRUE(failures.empty());
}

TEST_F(lock_body, of_a_lost_lock_leaves_the_destructor_nothing_to_do) {
    {
        model_lock<> lock(mine);
        lock.lock();
        mine.lose();
        let_them_lock();
    }
    EXPECT_TRUE(failures.empty());
    EXPECT_EQ(table.holds(2), 1U);
}

TEST_F(lock_body, locks_again_after_a_loss_when_the_session_is_connected_again) {
    model_lock<> lock(mine);
    lock.lock();
    mine.lose();
    EXPECT_THROW(lock.lock(), pglocks::refused);
    mine.connected = true;
    lock.lock();
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_FALSE(lock.lost());
    EXPECT_EQ(table.holds(1), 1U);
}

TEST_F(lock_body, has_its_release_pending_inside_a_transaction) {
    mine.in_transaction = true;
    model_lock<> lock(mine);
    lock.lock();
    EXPECT_FALSE(lock.pending());
    lock.unlock();
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_TRUE(lock.pending());
    EXPECT_FALSE(is_free());
    mine.end_transaction();
    EXPECT_FALSE(lock.pending());
    EXPECT_TRUE(is_free());
}

TEST_F(lock_body, takes_a_pending_release_back_when_it_locks_again) {
    mine.in_transaction = true;
    model_lock<> lock(mine);
    lock.lock();
    lock.unlock();
    lock.lock();
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_FALSE(lock.pending());
    mine.end_transaction();
    EXPECT_FALSE(is_free());
}

TEST_F(lock_body, throws_not_held_when_somebody_released_its_lock_and_then_does_not_own_it) {
    model_lock<> lock(mine, 42, &constant_name);
    lock.lock();
    table.give_back(1, exclusive, 42);
    try {
        lock.unlock();
        FAIL() << "the server says that it is not held";
    } catch (const pglocks::not_held& error) {
        EXPECT_EQ(error.key(), lock_key(42));
        EXPECT_EQ(error.name(), constant_name);
    }
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_FALSE(lock.lost());
    EXPECT_EQ(misuse([&] { lock.unlock(); }), not_permitted);
}

TEST_F(lock_body, reports_not_held_from_the_destructor) {
    {
        model_lock<> lock(mine, 42, &constant_name);
        lock.lock();
        table.give_back(1, exclusive, 42);
    }
    ASSERT_EQ(failures.size(), 1U);
    EXPECT_NE(failures[0].find(constant_name), std::string::npos) << failures[0];
}

TEST_F(lock_body, tells_the_connection_the_name_of_a_constant) {
    model_lock<> lock(mine, 42, &constant_name);
    lock.lock();
    lock.unlock();
    EXPECT_EQ(mine.names, std::vector<std::string>{std::string(constant_name)});
}

TEST_F(lock_body, is_released_without_unlocking) {
    lock_key key = 0;
    {
        model_lock<> lock(mine);
        lock.lock();
        key = lock.release();
        EXPECT_FALSE(lock.owns_lock());
        EXPECT_FALSE(lock.lost());
        EXPECT_EQ(mine.calls.back(), "disown");
        EXPECT_EQ(lock.release(), lock_key(42)) << "of what it does not own, the key";
    }
    EXPECT_EQ(key, lock_key(42));
    EXPECT_FALSE(is_free());
    EXPECT_EQ(std::count(mine.calls.begin(), mine.calls.end(), "disown"), 1);
}

TEST_F(lock_body, adopts_what_the_session_holds) {
    table.take(1, exclusive, 42);
    {
        model_lock<> lock(mine);
        lock.adopt();
        EXPECT_TRUE(lock.owns_lock());
        EXPECT_EQ(mine.calls, (std::vector<std::string>{"admit", "adopt"}));
    }
    EXPECT_TRUE(is_free());
}

TEST_F(lock_body, moves_what_it_owns) {
    model_lock<> from(mine);
    from.lock();
    model_lock<> to(std::move(from));
    EXPECT_TRUE(to.owns_lock());
    EXPECT_FALSE(from.owns_lock()); // NOLINT(bugprone-use-after-move): this is what is tested
    EXPECT_EQ(misuse([&] { from.lock(); }), not_permitted);
    EXPECT_EQ(misuse([&] { from.unlock(); }), not_permitted);
    EXPECT_EQ(table.holds(1), 1U);
    to.unlock();
    EXPECT_TRUE(is_free());
}

TEST_F(lock_body, releases_what_it_owned_when_another_is_moved_to_it) {
    model_lock<> first(mine, 1);
    model_lock<> second(mine, 2);
    first.lock();
    second.lock();
    first = std::move(second);
    EXPECT_TRUE(first.owns_lock());
    EXPECT_EQ(first.key(), lock_key(2));
    EXPECT_EQ(table.holds(1), 1U);
    model_lock<>& same = first;
    first = std::move(same);
    EXPECT_TRUE(first.owns_lock()) << "moved to itself";
    EXPECT_EQ(table.holds(1), 1U);
}

TEST_F(lock_body, swaps_everything_with_another) {
    model_lock<> one(mine, 1);
    model_lock<> two(theirs, {2, 2});
    one.lock();
    one.swap(two);
    EXPECT_FALSE(one.owns_lock());
    EXPECT_TRUE(two.owns_lock());
    EXPECT_EQ(one.key(), lock_key(2, 2));
    EXPECT_EQ(two.key(), lock_key(1));
    EXPECT_EQ(two.session(), &mine);
    two.unlock();
    one.lock();
    EXPECT_EQ(table.holds(2), 1U);
}

TEST_F(lock_body, works_with_the_guards_of_the_standard_library) {
    model_lock<> one(mine, 1);
    model_lock<wait::poll<>> two(mine, 2);
    {
        const std::scoped_lock both(one, two);
        EXPECT_EQ(table.holds(1), 2U);
    }
    {
        std::unique_lock guard(two, 10ms);
        EXPECT_TRUE(guard.owns_lock());
    }
    model_lock<mode::shared, wait::poll<>> reader(mine, 3);
    {
        const std::shared_lock guard(reader, 10ms);
        EXPECT_TRUE(guard.owns_lock());
    }
    EXPECT_EQ(table.holds(1), 0U);
}

TEST_F(lock_body, does_not_end_the_process_when_a_guard_unlocks_a_lost_lock) {
    model_lock<> one(mine, 1);
    {
        const std::scoped_lock guard(one);
        mine.hung_up = true;
    }
    EXPECT_TRUE(one.lost());
}

TEST_F(lock_body, of_transaction_scope_lasts_until_the_transaction_ends) {
    mine.in_transaction = true;
    {
        model_lock<scope::transaction> lock(mine);
        lock.lock();
        EXPECT_TRUE(lock.owns_lock());
    }
    EXPECT_EQ(std::count(mine.calls.begin(), mine.calls.end(), "release"), 0);
    EXPECT_EQ(table.holds(1), 1U);
    mine.end_transaction();
    EXPECT_EQ(table.holds(1), 0U);
}

TEST_F(lock_body, of_transaction_scope_was_granted_also_after_the_transaction_has_ended) {
    mine.in_transaction = true;
    model_lock<scope::transaction> lock(mine);
    lock.lock();
    mine.end_transaction();
    EXPECT_TRUE(lock.owns_lock());
    mine.lose();
    EXPECT_TRUE(lock.owns_lock());
}

TEST_F(lock_body, of_transaction_scope_is_refused_outside_a_transaction) {
    model_lock<scope::transaction> lock(mine);
    try {
        lock.lock();
        FAIL() << "there is no transaction";
    } catch (const pglocks::refused& error) {
        EXPECT_EQ(error.key(), lock_key(42));
    }
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_EQ(table.holds(1), 0U);
}

TEST_F(lock_body, leases_a_session_from_a_pool_and_gives_it_back_with_the_lock) {
    model::pool sessions{.only = mine};
    model_lock<wait::timeout> lock(sessions);
    EXPECT_EQ(lock.session(), nullptr);
    EXPECT_TRUE(lock.try_lock());
    EXPECT_EQ(lock.session(), &mine);
    EXPECT_TRUE(sessions.leased);
    lock.unlock();
    EXPECT_FALSE(sessions.leased);
    EXPECT_EQ(table.holds(1), 0U);
    {
        model_lock<wait::timeout> waiting(sessions);
        EXPECT_TRUE(lock.try_lock());
        EXPECT_FALSE(waiting.try_lock_for(1h)) << "the pool's only session is out";
        EXPECT_FALSE(waiting.owns_lock());
    }
    EXPECT_TRUE(sessions.leased) << "the other's lease is not given back";
}

TEST_F(lock_body, gives_a_leased_session_back_when_it_does_not_get_the_lock) {
    model::pool sessions{.only = mine};
    let_them_lock();
    model_lock<> lock(sessions);
    EXPECT_FALSE(lock.try_lock());
    EXPECT_FALSE(sessions.leased);
    EXPECT_THROW(lock.lock(), pglocks::deadlock_detected);
    EXPECT_FALSE(sessions.leased);
    mine.hung_up = true;
    EXPECT_THROW(lock.lock(), pglocks::connection_lost);
    EXPECT_FALSE(sessions.leased);
    EXPECT_EQ(sessions.leases, 3);
}

TEST_F(lock_body, gives_a_leased_session_back_when_the_release_finds_nothing_to_release) {
    model::pool sessions{.only = mine};
    model_lock<> lock(sessions);
    lock.lock();
    table.give_back(1, exclusive, 42);
    EXPECT_THROW(lock.unlock(), pglocks::not_held);
    EXPECT_FALSE(sessions.leased);
}

/// A strategy of a user's that does as the test wants.
struct user_strategy {
    using axis = pglocks::axis::wait;
    static constexpr bool unbounded = true;
    static constexpr bool bounded = true;

    enum class habit { takes_it_and_throws, throws, gives_up, says_acquired_without_it, says_busy_with_it };
    habit how = habit::throws;

    pglocks::outcome operator()(pglocks::acquisition auto& lock, pglocks::deadline /*until*/) const {
        switch (how) {
        case habit::takes_it_and_throws:
            lock.attempt();
            throw std::runtime_error("the strategy's own failure");
        case habit::throws:
            throw std::runtime_error("the strategy's own failure");
        case habit::gives_up:
            return pglocks::outcome::busy;
        case habit::says_acquired_without_it:
            return pglocks::outcome::acquired;
        default:
            lock.attempt();
            return pglocks::outcome::busy;
        }
    }
};
using strategy_lock = model_lock<user_strategy>;
using habit = user_strategy::habit;

TEST_F(lock_body, releases_what_a_strategy_had_when_it_threw) {
    strategy_lock lock(mine, 42, nullptr, {.how = habit::takes_it_and_throws});
    EXPECT_THROW(lock.lock(), std::runtime_error);
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_EQ(table.holds(1), 0U);
    EXPECT_EQ(mine.calls, (std::vector<std::string>{"admit", "attempt", "release"}));
}

TEST_F(lock_body, releases_nothing_when_a_strategy_threw_without_the_lock) {
    strategy_lock lock(mine, 42, nullptr, {.how = habit::throws});
    EXPECT_THROW(lock.lock(), std::runtime_error);
    EXPECT_FALSE(lock.owns_lock());
    EXPECT_EQ(mine.calls, std::vector<std::string>{"admit"});
    EXPECT_TRUE(lock.try_lock()) << "the object can be used again";
}

TEST_F(lock_body, gives_a_leased_session_back_when_a_strategy_throws) {
    model::pool sessions{.only = mine};
    strategy_lock lock(sessions, 42, nullptr, {.how = habit::takes_it_and_throws});
    EXPECT_THROW(lock.lock(), std::runtime_error);
    EXPECT_FALSE(sessions.leased);
}

TEST_F(lock_body, throws_when_a_strategy_gives_up_an_unbounded_wait) {
    strategy_lock lock(mine, 42, nullptr, {.how = habit::gives_up});
    EXPECT_EQ(misuse([&] { lock.lock(); }), static_cast<int>(std::errc::resource_unavailable_try_again));
    EXPECT_FALSE(lock.try_lock_for(1s));
    EXPECT_FALSE(lock.lock(std::stop_token()));
}

TEST_F(lock_body, believes_the_server_and_not_what_a_strategy_answers) {
    strategy_lock liar(mine, 42, nullptr, {.how = habit::says_acquired_without_it});
    EXPECT_FALSE(liar.try_lock_for(1s));
    EXPECT_FALSE(liar.owns_lock());
    strategy_lock modest(mine, 42, nullptr, {.how = habit::says_busy_with_it});
    EXPECT_TRUE(modest.try_lock_for(1s));
    EXPECT_TRUE(modest.owns_lock());
    EXPECT_EQ(table.holds(1), 1U);
}

using pglocks_test::has_lock;
using pglocks_test::has_lock_shared;
using pglocks_test::has_try_lock_for;
using pglocks_test::has_unlock;

TEST(lock_body_types, offer_what_their_policies_offer) {
    static_assert(has_lock<model_lock<>> && !has_try_lock_for<model_lock<>>);
    static_assert(!has_lock<model_lock<wait::none>> && !has_try_lock_for<model_lock<wait::none>>);
    static_assert(!has_lock<model_lock<wait::timeout>> && has_try_lock_for<model_lock<wait::timeout>>);
    static_assert(has_lock<model_lock<wait::poll<>>> && has_try_lock_for<model_lock<wait::poll<>>>);
    static_assert(has_unlock<model_lock<>> && !has_unlock<model_lock<scope::transaction>>);
    static_assert(!has_lock_shared<model_lock<>> && has_lock_shared<model_lock<mode::shared>>);
}

TEST(lock_body_types, are_one_for_all_spellings_of_a_set) {
    using pglocks::detail::canonical_t;
    static_assert(std::same_as<canonical_t<>, canonical_t<wait::block, scope::session>>);
    static_assert(std::same_as<canonical_t<mode::shared, wait::none>, canonical_t<wait::none, mode::shared>>);
    static_assert(!std::same_as<canonical_t<>, canonical_t<mode::shared>>);
}

TEST(lock_body_types, of_stateless_policies_cost_nothing_for_them) {
    static_assert(sizeof(model_lock<>) <= sizeof(model_lock<wait::poll<pglocks::fixed_pause>>));
    static_assert(sizeof(model_lock<wait::none>) == sizeof(model_lock<wait::block>));
    static_assert(!std::is_copy_constructible_v<model_lock<>> && std::is_move_constructible_v<model_lock<>>);
    static_assert(!std::is_move_constructible_v<model_lock<scope::transaction>>);
    static_assert(std::is_nothrow_move_constructible_v<model_lock<>> &&
                  std::is_nothrow_move_assignable_v<model_lock<>>);
}

} // namespace
