// SPDX-License-Identifier: BSL-1.0
// What pglocks does in the process, without a server: nanoseconds beside a round trip's microseconds.
#include <pglocks/pglocks.hpp>

#include <soci/soci.h>

#include <benchmark/benchmark.h>
#include <mutex>
#include <string>

namespace {

using namespace pglocks::literals;

constexpr auto name_text = "invoices:2024:customer-000017";

template <class Hash>
void hash_a_name(benchmark::State& state) {
    std::string name = name_text;
    for (auto _ : state) {
        benchmark::DoNotOptimize(name.data());
        benchmark::ClobberMemory();
        auto key = pglocks::key_of<Hash>(name);
        benchmark::DoNotOptimize(key);
    }
}

void hash_a_name_by_siphash(benchmark::State& state) {
    std::string name = name_text;
    const pglocks::hash::siphash secret({});
    for (auto _ : state) {
        benchmark::DoNotOptimize(name.data());
        benchmark::ClobberMemory();
        auto key = pglocks::key_of(name, secret);
        benchmark::DoNotOptimize(key);
    }
}

/// A lock that waits for its first lock(): no server is asked, so a session without one will do.
template <auto What>
void construct_and_destroy(benchmark::State& state) {
    soci::session sql;
    for (auto _ : state) {
        auto lock = What(sql);
        benchmark::DoNotOptimize(lock);
    }
}

constexpr auto deferred_literal = [](soci::session& sql) {
    return pglocks::advisory_lock(sql, "invoices:2024:customer-000017"_lock, std::defer_lock);
};
constexpr auto deferred_name = [](soci::session& sql) {
    return pglocks::advisory_lock(sql, name_text, std::defer_lock);
};
constexpr auto deferred_key = [](soci::session& sql) {
    return pglocks::advisory_lock(sql, 17, std::defer_lock);
};
constexpr auto default_constructed = [](soci::session&) { return pglocks::advisory_lock(); };

void move_a_lock(benchmark::State& state) {
    soci::session sql;
    pglocks::advisory_lock a(sql, 17, std::defer_lock);
    pglocks::advisory_lock b;
    for (auto _ : state) {
        b = std::move(a);
        benchmark::DoNotOptimize(b);
        a = std::move(b);
        benchmark::DoNotOptimize(a);
    }
}

void print_a_key(benchmark::State& state) {
    pglocks::lock_key key = -1761082894366742330;
    for (auto _ : state) {
        benchmark::DoNotOptimize(key);
        auto text = pglocks::to_string(key);
        benchmark::DoNotOptimize(text.data());
    }
}

void parse_a_key(benchmark::State& state) {
    const std::string text = "classid=3884933232 objid=759228614 objsubid=1";
    for (auto _ : state) {
        benchmark::DoNotOptimize(text.data());
        benchmark::ClobberMemory();
        auto key = pglocks::parse_key(text);
        benchmark::DoNotOptimize(key);
    }
}

BENCHMARK(hash_a_name<pglocks::hash::postgres<>>)->Name("hash a name: hash::postgres");
BENCHMARK(hash_a_name<pglocks::hash::postgres_hashtext>)->Name("hash a name: hash::postgres_hashtext");
BENCHMARK(hash_a_name<pglocks::hash::fnv1a>)->Name("hash a name: hash::fnv1a");
BENCHMARK(hash_a_name<pglocks::hash::sha256>)->Name("hash a name: hash::sha256");
BENCHMARK(hash_a_name_by_siphash)->Name("hash a name: hash::siphash");
BENCHMARK(hash_a_name<pglocks::hash::in_namespace<1, pglocks::hash::postgres<>>>)
    ->Name("hash a name: hash::in_namespace");
BENCHMARK(hash_a_name<pglocks::interop::django_pglocks>)->Name("hash a name: interop::django_pglocks");
BENCHMARK(hash_a_name<pglocks::interop::django_pglocks2>)->Name("hash a name: interop::django_pglocks2");
BENCHMARK(construct_and_destroy<deferred_literal>)->Name("construct and destroy: deferred, _lock literal");
BENCHMARK(construct_and_destroy<deferred_name>)->Name("construct and destroy: deferred, name");
BENCHMARK(construct_and_destroy<deferred_key>)->Name("construct and destroy: deferred, key");
BENCHMARK(construct_and_destroy<default_constructed>)->Name("construct and destroy: default");
BENCHMARK(move_a_lock)->Name("move a lock there and back");
BENCHMARK(print_a_key)->Name("print a key");
BENCHMARK(parse_a_key)->Name("parse a key");

} // namespace

BENCHMARK_MAIN();
