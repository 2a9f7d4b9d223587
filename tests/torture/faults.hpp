// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/deferred_actions.hpp"
#include "torture/fault_record.hpp"
#include "torture/release_monitor.hpp"
#include "torture/stage.hpp"
#include "torture/victims.hpp"
#include "torture/worker_pool.hpp"

#include <map>
#include <random>
#include <string>
#include <vector>

namespace pglocks::torture {

/// Injects faults, one after the other, some of which last while others come. For the main thread.
class fault_injector {
public:
    fault_injector(const options& chosen, stage& on, worker_pool& workers);

    /// Injects the next fault of a shuffled sequence in which each of the chosen kinds comes up.
    /// *Requires*: there is a kind that is injected.
    void inject_next();
    /// Undoes what lasts.
    void undo_all();

    /// Whether any of the chosen kinds is injected; race_timeouts is the workers' own.
    [[nodiscard]] bool has_any() const noexcept { return !kinds_.empty(); }
    [[nodiscard]] const std::vector<fault_record>& records() const noexcept { return records_; }
    [[nodiscard]] std::vector<release_sample> releases() const { return monitor_.samples(); }
    /// How kinds were done that depend on privileges.
    [[nodiscard]] const std::map<fault_kind, std::string>& manners() const noexcept { return manners_; }
    /// Faults for which there was no victim, or no server at the moment, or that failed; they were tried
    /// again later.
    [[nodiscard]] unsigned missed() const noexcept { return missed_; }

private:
    void inject(fault_kind kind);
    void kill_client();
    void stop_client();
    void signal_backend(fault_kind kind, const std::string& function);
    void kill_backend();
    void restart(fault_kind kind, test::postgres_server::shutdown how);
    void cut_network();
    void reset_connection();
    void stop_backend();
    void reload_pooler();

    /// Begins the record of a fault: what it does may be seen before it is known to be done.
    fault_record& note(fault_kind kind);
    /// Takes the last record back, since that fault was not injected.
    void withdraw() { records_.pop_back(); }
    [[nodiscard]] nanoseconds between(std::chrono::milliseconds least, std::chrono::milliseconds most);

    stage& stage_;
    worker_pool& workers_;
    unsigned threads_;
    std::vector<fault_kind> kinds_;
    std::vector<fault_kind> bag_;
    std::mt19937_64 random_;
    torture::victims victims_;
    std::vector<fault_record> records_;
    std::map<fault_kind, std::string> manners_;
    unsigned missed_ = 0;
    unsigned cuts_ = 0;
    release_monitor monitor_;
    deferred_actions stopped_clients_;
    deferred_actions stopped_backends_;
    deferred_actions cut_;
    deferred_actions reloaded_;
};

} // namespace pglocks::torture
