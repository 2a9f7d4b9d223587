// SPDX-License-Identifier: BSL-1.0
#include "torture/faults.hpp"

#include "support/observer.hpp"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <sstream>
#include <stdexcept>

namespace pglocks::torture {
namespace {

using std::chrono::milliseconds;
using test::eventually;

instant now() { return std::chrono::steady_clock::now(); }

/// How often a kind comes up in one round: what is cheap comes often.
int weight(fault_kind kind) {
    switch (kind) {
    case fault_kind::terminate_backend:
    case fault_kind::cancel_backend:
    case fault_kind::reset_connection:
        return 3;
    case fault_kind::kill_client:
        return 2;
    default:
        return 1;
    }
}

} // namespace

fault_injector::fault_injector(const options& chosen, stage& on, worker_pool& workers)
    : stage_(on),
      workers_(workers),
      threads_(chosen.threads),
      random_(chosen.seed),
      victims_(on.conninfo(), random_),
      monitor_(on.conninfo()) {
    for (const auto kind : chosen.faults) {
        if (kind != fault_kind::race_timeouts) {
            kinds_.push_back(kind);
        }
    }
    if (std::ranges::find(kinds_, fault_kind::cut_network) == kinds_.end()) {
        return;
    }
    manners_[fault_kind::cut_network] =
        on.network() ? "network namespace: blackhole route, or wire down"
                     : "stalling proxy, then resumed or reset (no namespace: " + on.why_no_network() + ')';
}

void fault_injector::inject_next() {
    if (bag_.empty()) {
        for (const auto kind : kinds_) {
            bag_.insert(bag_.end(), static_cast<std::size_t>(weight(kind)), kind);
        }
        std::ranges::shuffle(bag_, random_);
    }
    const auto kind = bag_.back();
    bag_.pop_back();
    const auto before = records_.size();
    try {
        inject(kind);
    } catch (const test::sql_error&) { // the server or the pooler is not there now, or refuses
        records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(before), records_.end());
    }
    if (records_.size() == before) {
        ++missed_;
        bag_.insert(bag_.begin(), kind);
    }
}

void fault_injector::undo_all() {
    for (auto* const each : {&stopped_clients_, &stopped_backends_, &cut_, &reloaded_}) {
        each->flush();
    }
    victims_.wait_for_server();
}

void fault_injector::inject(fault_kind kind) {
    switch (kind) {
    case fault_kind::kill_client:
        return kill_client();
    case fault_kind::stop_client:
        return stop_client();
    case fault_kind::terminate_backend:
        return signal_backend(kind, "pg_terminate_backend");
    case fault_kind::cancel_backend:
        return signal_backend(kind, "pg_cancel_backend");
    case fault_kind::kill_backend:
        return kill_backend();
    case fault_kind::restart_fast:
        return restart(kind, test::postgres_server::shutdown::fast);
    case fault_kind::restart_immediate:
        return restart(kind, test::postgres_server::shutdown::immediate);
    case fault_kind::cut_network:
        return cut_network();
    case fault_kind::reset_connection:
        return reset_connection();
    case fault_kind::stop_backend:
        return stop_backend();
    case fault_kind::reload_pooler:
        return reload_pooler();
    case fault_kind::race_timeouts:
        break;
    }
}

fault_record& fault_injector::note(fault_kind kind) {
    fault_record& record = records_.emplace_back();
    record.kind = kind;
    record.begin = now();
    record.end = record.begin;
    return record;
}

nanoseconds fault_injector::between(milliseconds least, milliseconds most) {
    return milliseconds(std::uniform_int_distribution<long>(least.count(), most.count())(random_));
}

void fault_injector::kill_client() {
    const auto process = static_cast<unsigned>(random_() % workers_.size());
    const auto first = std::to_string(process * threads_);
    const auto locks = victims_.locks_where("w[4]::int >= " + first + " and w[4]::int < " + first + " + " +
                                            std::to_string(threads_));
    auto& record = note(fault_kind::kill_client);
    record.process = process;
    record.generation = workers_.generation(process);
    monitor_.watch(record.kind, record.begin, locks);
    workers_.kill_and_restart(process);
    record.end = now();
}

void fault_injector::stop_client() {
    const auto process = static_cast<unsigned>(random_() % workers_.size());
    const pid_t id = workers_.id(process);
    auto& record = note(fault_kind::stop_client);
    record.process = process;
    record.generation = workers_.generation(process);
    record.end = record.begin + between(milliseconds(100), milliseconds(5000));
    ::kill(id, SIGSTOP);
    // A process that was killed meanwhile has been waited for, and its id may be another's: there is no harm.
    stopped_clients_.add(record.end, [id] { ::kill(id, SIGCONT); });
}

void fault_injector::signal_backend(fault_kind kind, const std::string& function) {
    const int backend = victims_.choose_backend();
    if (backend == 0) {
        return;
    }
    test::observer server(stage_.conninfo());
    const auto locks = victims_.locks_where("l.pid = " + std::to_string(backend));
    auto& record = note(kind);
    record.backends = {backend};
    if (kind == fault_kind::terminate_backend) {
        monitor_.watch(kind, record.begin, locks);
    }
    if (server.value("select " + function + '(' + std::to_string(backend) + ')') != "t") {
        return withdraw(); // it has ended by itself
    }
    record.end = now();
}

void fault_injector::kill_backend() {
    stopped_backends_.flush(); // or the postmaster waits for them
    const int backend = victims_.choose_backend();
    if (backend == 0) {
        return;
    }
    test::observer witness(stage_.conninfo());
    const auto locks = victims_.locks_where("true");
    auto& record = note(fault_kind::kill_backend);
    record.everyone = true;
    monitor_.watch(record.kind, record.begin, locks);
    if (::kill(backend, SIGKILL) != 0) {
        return withdraw();
    }
    static_cast<void>(eventually([&] {
        try {
            witness.exec("select 1");
            return false;
        } catch (const test::sql_error&) {
            return true;
        }
    }));
    victims_.wait_for_server();
    records_.back().end = now();
}

void fault_injector::restart(fault_kind kind, test::postgres_server::shutdown how) {
    stopped_backends_.flush();
    const auto locks = victims_.locks_where("true");
    auto& record = note(kind);
    record.everyone = true;
    monitor_.watch(kind, record.begin, locks);
    stage_.server().restart({}, how);
    victims_.wait_for_server();
    record.end = now();
}

void fault_injector::cut_network() {
    if (!cut_.empty()) {
        return;
    }
    const auto locks = victims_.locks_where("w[2] = 'network'");
    auto& record = note(fault_kind::cut_network);
    record.end = record.begin + between(milliseconds(500), milliseconds(6000));
    record.through = route::network;
    monitor_.watch(record.kind, record.begin, locks);
    if (auto* const network = stage_.network()) {
        network->cut(++cuts_ % 2 == 0 ? test::remote_network::way::blackhole
                                      : test::remote_network::way::wire);
        cut_.add(record.end, [network] { network->restore(); });
        return;
    }
    auto& proxy = stage_.network_proxy();
    proxy.stall();
    cut_.add(record.end, [&proxy, gives_up = ++cuts_ % 2 == 0] {
        if (gives_up) {
            proxy.reset();
        }
        proxy.forward();
    });
}

void fault_injector::reset_connection() {
    const auto ports = stage_.proxy().upstream_ports();
    if (ports.empty()) {
        return;
    }
    const auto port = ports.at(random_() % ports.size());
    const auto backends =
        victims_.numbers("select pid from pg_stat_activity where client_port = " + std::to_string(port));
    if (backends.empty()) {
        return;
    }
    const auto locks = victims_.locks_where("l.pid = " + std::to_string(backends.front()));
    auto& record = note(fault_kind::reset_connection);
    record.backends = backends;
    monitor_.watch(record.kind, record.begin, locks);
    stage_.proxy().reset(port);
}

void fault_injector::stop_backend() {
    const int backend = victims_.choose_backend();
    if (backend == 0) {
        return;
    }
    auto& record = note(fault_kind::stop_backend);
    record.end = record.begin + between(milliseconds(100), milliseconds(4000));
    record.backends = {backend};
    if (::kill(backend, SIGSTOP) != 0) {
        return withdraw();
    }
    stopped_backends_.add(record.end, [backend] { ::kill(backend, SIGCONT); });
}

void fault_injector::reload_pooler() {
    if (!reloaded_.empty()) {
        return;
    }
    auto& pooler = stage_.pooler();
    const auto locks = victims_.locks_where("w[2] = 'pooler'");
    auto& record = note(fault_kind::reload_pooler);
    record.end = record.begin + between(milliseconds(300), milliseconds(2000));
    record.through = route::pooler;
    monitor_.watch(record.kind, record.begin, locks);
    pooler.reload(test::pool_mode::transaction);
    reloaded_.add(record.end, [&pooler] {
        try {
            // In transaction mode, so that no client keeps a backend with another's locks.
            pooler.command("reconnect");
            pooler.reload(test::pool_mode::session);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "the pooler cannot be brought back: %s\n", error.what());
        }
    });
}

} // namespace pglocks::torture
