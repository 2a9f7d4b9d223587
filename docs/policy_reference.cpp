// SPDX-License-Identifier: BSL-1.0
// Prints docs/reference/policies.md: what the library says about its own policies and their combinations.

#include <pglocks/pglocks.hpp>
#include <pglocks/policy/catalogue.hpp>

#include <soci/soci.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace catalogue = pglocks::catalogue;
constexpr std::string_view example_name = "nightly-report";

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

/// A type as a reader writes it inside namespace pglocks. Its mangled name is the same with every compiler.
template <class T>
[[nodiscard]] std::string type_name() {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> demangled(
        abi::__cxa_demangle(typeid(T).name(), nullptr, nullptr, &status), &std::free);
    if (status != 0) {
        std::cerr << "policy_reference: no name for the type " << typeid(T).name() << '\n';
        std::exit(EXIT_FAILURE);
    }
    std::string name = demangled.get();
    replace_all(name, "pglocks::", "");
    replace_all(name, "> >", ">>");
    replace_all(name, "0l>", "0>");
    replace_all(name, "poll<jittered_exponential>", "poll<>"); // the defaults
    replace_all(name, "postgres<0>", "postgres<>");
    return name;
}

[[nodiscard]] std::string code(std::string_view text) { return '`' + std::string(text) + '`'; }

/// A row of a table.
void print_row(const std::vector<std::string>& cells) {
    for (const std::string& cell : cells) {
        std::cout << "| " << cell << ' ';
    }
    std::cout << "|\n";
}

void print_head(const std::vector<std::string>& cells) {
    print_row(cells);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        std::cout << "|---";
    }
    std::cout << "|\n";
}

/// The names of those that are true, as code, separated by commas.
struct choice {
    std::string_view name;
    bool offered;
};
[[nodiscard]] std::string list(const std::vector<choice>& choices) {
    std::string all;
    for (const auto& [name, offered] : choices) {
        if (offered) {
            all += (all.empty() ? "" : ", ") + code(name);
        }
    }
    return all.empty() ? "none" : all;
}

template <class Axis>
void print_axis() {
    using traits = pglocks::axis_traits<Axis>;
    std::cout << "\n### " << traits::name << "\n\n";
    print_head({"policy", "what it does", "state"});
    catalogue::for_each_policy<Axis>([]<class Policy>(std::type_identity<Policy>) {
        const bool is_default = std::same_as<Policy, typename traits::default_policy>;
        print_row({code(type_name<Policy>()) + (is_default ? " (default)" : ""), std::string(Policy::summary),
                   pglocks::stateless<Policy>                ? "none"
                   : std::is_default_constructible_v<Policy> ? "may be given to the constructor"
                                                             : "must be given to the constructor"});
    });
}

template <class Hash>
[[nodiscard]] std::string key_space_of() {
    using result = decltype(std::declval<const Hash&>().key_of(std::string_view()));
    if constexpr (std::integral<result>) {
        return "`bigint`";
    } else {
        return "`(integer, integer)`";
    }
}

void print_hashes() {
    std::cout
        << "\n## The key of " << code(example_name) << "\n\n"
        << "What each hash makes of one name, as the SQL functions take it and as `pg_locks` shows it.\n\n";
    print_head({"hash", "key space", "key", "`pg_locks`"});
    catalogue::for_each_policy<pglocks::axis::hash>([]<class Hash>(std::type_identity<Hash>) {
        const std::string name = code(type_name<Hash>());
        if constexpr (!pglocks::rule::hash_takes_names<Hash>) {
            print_row({name, "either", "takes no names", ""});
        } else if constexpr (!pglocks::stateless<Hash>) {
            print_row({name, key_space_of<Hash>(), "depends on the value given to the constructor", ""});
        } else {
            constexpr pglocks::lock_key key = pglocks::key_of<Hash>(example_name);
            print_row({name, key.is_pair() ? "`(integer, integer)`" : "`bigint`", code(to_sql(key)),
                       code(to_string(key))});
        }
    });
}

/// The alias of a type, if it has one. That none is missing is what docs/check_documentation.py looks after.
template <class Lock>
[[nodiscard]] std::string alias_of() {
    const auto if_it_is = []<class Alias>(std::type_identity<Alias>, std::string_view name) {
        return std::same_as<typename Alias::scope_policy, typename Lock::scope_policy> &&
                       std::same_as<typename Alias::mode_policy, typename Lock::mode_policy> &&
                       std::same_as<typename Alias::wait_policy, typename Lock::wait_policy>
                   ? std::string(name)
                   : std::string();
    };
#define PGLOCKS_ALIAS(name) if_it_is(std::type_identity<pglocks::name>{}, #name)
    const std::string alias =
        PGLOCKS_ALIAS(advisory_lock) + PGLOCKS_ALIAS(try_advisory_lock) + PGLOCKS_ALIAS(timed_advisory_lock) +
        PGLOCKS_ALIAS(polled_advisory_lock) + PGLOCKS_ALIAS(shared_advisory_lock) +
        PGLOCKS_ALIAS(try_shared_advisory_lock) + PGLOCKS_ALIAS(timed_shared_advisory_lock) +
        PGLOCKS_ALIAS(polled_shared_advisory_lock) + PGLOCKS_ALIAS(transaction_advisory_lock) +
        PGLOCKS_ALIAS(try_transaction_advisory_lock) + PGLOCKS_ALIAS(timed_transaction_advisory_lock) +
        PGLOCKS_ALIAS(shared_transaction_advisory_lock);
#undef PGLOCKS_ALIAS
    return alias.empty() ? "" : code(alias);
}

/// A policy that decides on constructors and operations, or else its axis's default.
template <class P>
concept in_the_tables =
    pglocks::policy_of<P, pglocks::axis::scope> || pglocks::policy_of<P, pglocks::axis::mode> ||
    pglocks::policy_of<P, pglocks::axis::wait> ||
    std::same_as<P, typename pglocks::axis_traits<typename pglocks::policy_traits<P>::axis>::default_policy>;

/// Calls `f` with each valid combination of scope, mode and wait, the other axes having their defaults.
template <class F>
void for_each_lock(const F& f) {
    catalogue::for_each_combination([&]<class... Policy>(std::type_identity<Policy>...) {
        if constexpr ((in_the_tables<Policy> && ...) && pglocks::valid_policy_set<Policy...>) {
            f(std::type_identity<pglocks::basic_advisory_lock<Policy...>>{});
        }
    });
}

template <class Lock>
[[nodiscard]] std::vector<std::string> policies_of() {
    return {code(type_name<typename Lock::scope_policy>()), code(type_name<typename Lock::mode_policy>()),
            code(type_name<typename Lock::wait_policy>())};
}

/// What may come before and after the name, found by asking for the constructors.
template <class Lock, class... Resource>
[[nodiscard]] bool is_built_from() {
    return (std::is_constructible_v<Lock, Resource..., std::string_view> ||
            std::is_constructible_v<Lock, Resource..., std::string_view, std::chrono::milliseconds>);
}
template <class Lock, class... After>
[[nodiscard]] bool goes_with() {
    return std::is_constructible_v<Lock, soci::session&, std::string_view, After...> ||
           std::is_constructible_v<Lock, pglocks::transaction&, std::string_view, After...>;
}

void print_constructors() {
    std::cout
        << "\n### Constructors\n\n"
        << "A constructor takes one of *built from*, then a name or a key, then one of *after the name or "
           "key*.\n\n";
    print_head({"scope", "mode", "wait", "alias", "built from", "after the name or key"});
    for_each_lock([]<class Lock>(std::type_identity<Lock>) {
        auto cells = policies_of<Lock>();
        cells.push_back(alias_of<Lock>());
        cells.push_back(list({{"soci::session&", is_built_from<Lock, soci::session&>()},
                              {"soci::connection_pool&", is_built_from<Lock, soci::connection_pool&>()},
                              {"pglocks::transaction&", is_built_from<Lock, pglocks::transaction&>()},
                              {"soci::session&, soci::transaction&",
                               is_built_from<Lock, soci::session&, soci::transaction&>()}}));
        using duration = std::chrono::milliseconds;
        using time_point = std::chrono::steady_clock::time_point;
        cells.push_back((goes_with<Lock>() ? "nothing, " : "") +
                        list({{"stop_token", goes_with<Lock, std::stop_token>()},
                              {"duration", goes_with<Lock, duration>()},
                              {"duration, stop_token", goes_with<Lock, duration, std::stop_token>()},
                              {"time_point", goes_with<Lock, time_point>()},
                              {"time_point, stop_token", goes_with<Lock, time_point, std::stop_token>()},
                              {"try_to_lock", goes_with<Lock, std::try_to_lock_t>()},
                              {"defer_lock", goes_with<Lock, std::defer_lock_t>()},
                              {"adopt_lock", goes_with<Lock, std::adopt_lock_t>()}}));
        print_row(cells);
    });
}

// clang-format off: from here on it loses count of the braces, because of the requires-expressions
void print_operations() {
    std::cout << "\n### Operations\n\n"
              << "Every lock also has `owns_lock()`, `operator bool`, `key()`, `session()` and "
                 "`backend_pid()`.\n\n";
    print_head({"scope", "mode", "wait", "acquires", "releases and is moved"});
    for_each_lock([]<class Lock>(std::type_identity<Lock>) {
        const std::stop_token stop;
        const auto now = std::chrono::steady_clock::now();
        auto cells = policies_of<Lock>();
        cells.push_back(list({{"lock()", requires(Lock l) { l.lock(); }},
                              {"lock(stop_token)", requires(Lock l) { l.lock(stop); }},
                              {"try_lock()", requires(Lock l) { l.try_lock(); }},
                              {"try_lock_for()", requires(Lock l) { l.try_lock_for(1s); }},
                              {"try_lock_until()", requires(Lock l) { l.try_lock_until(now); }},
                              {"lock_shared()", requires(Lock l) { l.lock_shared(); }},
                              {"try_lock_shared()", requires(Lock l) { l.try_lock_shared(); }},
                              {"try_lock_shared_for()", requires(Lock l) { l.try_lock_shared_for(1s); }},
                              {"try_lock_shared_until()", requires(Lock l) { l.try_lock_shared_until(now); }}}));
        cells.push_back(list({{"unlock()", requires(Lock l) { l.unlock(); }},
                              {"unlock_shared()", requires(Lock l) { l.unlock_shared(); }},
                              {"release()", requires(Lock l) { l.release(); }},
                              {"pending()", requires(const Lock l) { l.pending(); }},
                              {"lost()", requires(const Lock l) { l.lost(); }},
                              {"swap()", requires(Lock l, Lock other) { l.swap(other); }},
                              {"move", std::movable<Lock>},
                              {"default constructor", std::default_initializable<Lock>}}));
        print_row(cells);
    });
}

void print_combinations() {
    std::size_t combinations = 0;
    std::size_t valid = 0;
    catalogue::for_each_combination([&]<class... Policy>(std::type_identity<Policy>...) {
        ++combinations;
        valid += pglocks::valid_policy_set<Policy...> ? 1 : 0;
    });
    std::cout << "\n## The combinations\n\n"
              << valid << " of the " << combinations
              << " combinations of one built-in policy of each axis are valid. Whatever the hash, the "
                 "constructors and the operations are the same, except that `hash::none` takes keys "
                 "alone, and that a hash with state is given its value after the name.\n";
    print_constructors();
    print_operations();
}

void print_page() {
    std::cout
        << "<!-- Printed by docs/policy_reference.cpp from the library itself: change that, and run "
           "`meson compile -C BUILD_DIRECTORY update-docs`. -->\n"
           "# Policies\n\n"
           "What there is to put a lock type together from. A lock is "
           "`pglocks::basic_advisory_lock<Policies...>`: one policy of each axis, in any order; an axis "
           "that is not given has its default. Names below are inside `namespace pglocks`.\n\n"
           "## The axes\n";
    catalogue::for_each_axis([]<class Axis>(std::type_identity<Axis>) { print_axis<Axis>(); });
    print_hashes();
    print_combinations();
}

} // namespace

int main() {
    try {
        print_page();
        return std::cout.flush() ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& error) {
        std::cerr << "policy_reference: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
