// SPDX-License-Identifier: BSL-1.0
#include "torture/worker_session.hpp"

#include <pglocks/pglocks.hpp>
#include <pglocks/postgres/session_pooler.hpp>
#include <pglocks/postgres/session_preset.hpp>

#include <soci/postgresql/soci-postgresql.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pglocks::torture {
namespace {

/// The shortest silence that the preset can be told to take for a cut, so that runs see many.
constexpr session_preset preset{.network_timeout = std::chrono::seconds(3)};

void ignore_notice(void* /*context*/, const char* /*message*/) {}

} // namespace

std::vector<std::string> directions::words() const {
    std::vector<std::string> all(conninfo.begin(), conninfo.end());
    all.push_back(network_namespace);
    return all;
}

directions directions::from_words(const std::vector<std::string>& words) {
    directions to;
    std::copy_n(words.begin(), to.conninfo.size(), to.conninfo.begin());
    to.network_namespace = words.at(to.conninfo.size());
    return to;
}

void enter_network(const directions& to, route by) {
    if (by != route::network || to.network_namespace.empty()) {
        return;
    }
    const int there = ::open(to.network_namespace.c_str(), O_RDONLY | O_CLOEXEC);
    const bool entered = there >= 0 && ::setns(there, CLONE_NEWNET) == 0;
    const int error = errno;
    ::close(there);
    if (!entered) {
        throw std::system_error(error, std::generic_category(), "cannot enter " + to.network_namespace);
    }
}

worker_session::worker_session(const directions& to, route by, std::string application, bool prepared)
    : conninfo_(to.of(by) + " connect_timeout=2 application_name='" + std::move(application) + "'"),
      route_(by),
      prepared_(prepared) {
    if (prepared_ && route_ != route::pooler) {
        conninfo_ = preset.conninfo(conninfo_);
    }
}

soci::session& worker_session::open() {
    if (is_open()) {
        return *session_;
    }
    auto next = std::exchange(session_, nullptr); // dropped, should one of these fail
    if (stale_ && next) {
        next->reconnect();
    } else {
        next = std::make_unique<soci::session>(soci::postgresql, conninfo_);
    }
    stale_ = false;
    prepare(*next);
    session_ = std::move(next);
    return *session_;
}

void worker_session::prepare(soci::session& session) {
    PQsetNoticeProcessor(postgres::libpq_connection(session), ignore_notice, nullptr);
    session << "select pg_backend_pid()", soci::into(backend_);
    if (prepared_ && route_ == route::pooler) {
        declare_session_pooler(session);
        backend_ = postgres::connection(session).backend_pid();
        preset.apply(session);
    }
}

bool worker_session::is_dead() const {
    if (!session_ || !session_->get_backend()) {
        return true;
    }
    PGconn* const connection = postgres::libpq_connection(*session_);
    pollfd socket{PQsocket(connection), POLLRDHUP, 0}; // after a failed send libpq's status says nothing yet
    return PQstatus(connection) != CONNECTION_OK || ::poll(&socket, 1, 0) != 0;
}

std::string sqlstate_of(const soci::soci_error& error) {
    std::string state;
    if (const auto* const ours = dynamic_cast<const lock_error*>(&error)) {
        state = ours->sqlstate();
    } else if (const auto* const theirs = dynamic_cast<const soci::postgresql_soci_error*>(&error)) {
        state = theirs->sqlstate();
    }
    return state.find_first_not_of(' ') == std::string::npos ? "connection" : state;
}

} // namespace pglocks::torture
