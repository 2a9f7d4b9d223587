// SPDX-License-Identifier: BSL-1.0
#include "support/postgres_server.hpp"

#include "support/eventually.hpp"
#include "support/process_info.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

constexpr std::string_view script = PGLOCKS_TEST_SUPPORT_DIR "/postgres.sh";
/// What libpq would else take from the environment, where it may be meant for another server.
constexpr const char* base_conninfo =
    "user=postgres dbname=postgres port=5432 hostaddr='' options='' requirepeer='' "
    "sslmode=disable gssencmode=disable channel_binding=disable "
    "target_session_attrs=any";
constexpr auto server_deadline = std::chrono::seconds(60);

} // namespace

postgres_server::postgres_server(const settings& with) : postgres_server(with, {}) {}

postgres_server::postgres_server(const settings& with, std::map<std::string, std::string> environment)
    : server(base_conninfo),
      environment_(std::move(environment)) {
    set_parameter("host", directory_.path());
    set(with);
    start();
}

postgres_server::~postgres_server() {
    if (!directory_.is_ours())
        return;
    try {
        stop(shutdown::immediate);
    } catch (const std::exception& error) {
        std::cerr << "a server does not stop and is killed: " << error.what() << '\n';
    }
}

void postgres_server::set(const settings& changes) {
    for (const auto& [name, value] : changes)
        settings_[name] = value;
    if (const auto port = settings_.find("port"); port != settings_.end())
        set_parameter("port", port->second);
}

void postgres_server::start() {
    if (::gettid() != ::getpid())
        throw std::logic_error(
            "a postgres_server ends with the thread that starts it: start it from the main thread");
    if (running())
        return;
    postmaster_.reset(); // a zombie would still own the data directory
    std::vector<std::string> command{std::string(script), directory()};
    for (const auto& [name, value] : settings_)
        command.push_back(name + '=' + value);
    postmaster_.emplace(std::move(command), child_process::options{.environment = environment_});
    const auto answers = [&] { return PQping(conninfo().c_str()) == PQPING_OK; };
    const bool answered = eventually([&] { return !running() || answers(); }, server_deadline);
    if (answered && running())
        return;
    std::string what = answered ? "the server ended when it was started" : "the server does not answer";
    stop(shutdown::immediate);
    postmaster_->wait(server_deadline); // for the rest of its messages
    throw std::runtime_error(what + "\n" + postmaster_->errors() + log());
}

void postgres_server::stop(shutdown how) {
    if (!running())
        return;
    postmaster_->kill(how == shutdown::fast ? SIGINT : SIGQUIT);
    postmaster_->wait(server_deadline);
}

void postgres_server::restart(const settings& changes, shutdown how) {
    stop(how);
    set(changes);
    start();
}

void postgres_server::crash() {
    const pid_t id = process_id();
    // A postmaster that is stopped starts no more backends while they are counted.
    postmaster_->kill(SIGSTOP);
    const auto is_stopped = [&] {
        const auto now = find_process(id);
        return !now || now->state == 'T';
    };
    const bool stopped = eventually(is_stopped);
    const auto backends = children_of(id);
    postmaster_->kill(SIGKILL);
    for (const auto& backend : backends)
        ::kill(backend.id, SIGKILL);
    postmaster_->wait();
    if (!stopped || !eventually([&] {
            return std::ranges::all_of(backends, [](const auto& backend) { return has_ended(backend); });
        }))
        throw std::runtime_error("the server's processes do not end when they are killed");
}

bool postgres_server::running() { return postmaster_ && postmaster_->running(); }

pid_t postgres_server::process_id() const { return postmaster_.value().id(); }

std::string postgres_server::log() const {
    std::ifstream file(directory() / "log");
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace pglocks::test
