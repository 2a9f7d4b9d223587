// SPDX-License-Identifier: BSL-1.0
#include "support/pgbouncer.hpp"

#include "support/eventually.hpp"
#include "support/free_port.hpp"
#include "support/observer.hpp"
#include "support/server_address.hpp"

#include <libpq-fe.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <fstream>
#include <iostream>
#include <pwd.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

constexpr auto server_deadline = std::chrono::seconds(60);

std::string name_of(pool_mode mode) {
    constexpr std::array names{"session", "transaction", "statement"};
    return names.at(static_cast<std::size_t>(mode));
}

/// A value in a connection string of PgBouncer's.
std::string quoted(const std::string& value) {
    std::string text = "'";
    for (const char c : value)
        text += c == '\'' ? "''" : std::string(1, c);
    return text + '\'';
}

/// Debian installs it where an ordinary user's PATH does not lead.
std::string program() {
    constexpr const char* usual = "/usr/sbin/pgbouncer";
    return ::access(usual, X_OK) == 0 ? usual : "pgbouncer";
}

/// A user for PgBouncer, which refuses to run as root; none if we are somebody else.
const passwd* other_user() {
    if (::geteuid() != 0)
        return nullptr;
    for (const char* name : {"postgres", "nobody"}) {
        if (const passwd* user = ::getpwnam(name))
            return user;
    }
    throw std::runtime_error(
        "PgBouncer refuses to run as root, and no user is called postgres or nobody: useradd -r postgres");
}

void give(const std::filesystem::path& path, const passwd* user) {
    if (user != nullptr && ::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0)
        throw std::system_error(errno, std::generic_category(), "chown " + path.string());
}

} // namespace

pgbouncer::pgbouncer(const server& upstream, pool_mode mode, const settings& with, transport over)
    : server(upstream.conninfo()),
      settings_{{"pool_mode", name_of(mode)},
                {"listen_addr", ""},
                {"listen_port", "6432"},
                {"unix_socket_dir", directory_.path()},
                {"logfile", directory_.path() / "log"},
                {"pidfile", directory_.path() / "pid"},
                {"auth_type", "any"},
                {"admin_users", "postgres"},
                {"max_client_conn", "1000"},
                {"log_connections", "0"},
                {"log_disconnections", "0"},
                {"ignore_startup_parameters", "extra_float_digits,options"}} {
    if (::gettid() != ::getpid())
        throw std::logic_error(
            "a pgbouncer ends with the thread that starts it: start it from the main thread");
    const auto at = address_of(upstream);
    databases_ = "* = host=" + quoted(at.host) + " port=" + at.port + " user=" + quoted(at.user) +
                 (at.password.empty() ? "" : " password=" + quoted(at.password));
    for (const auto& [name, value] : with)
        settings_[name] = value;
    std::filesystem::create_directory(directory_.data());
    give(directory_.path(), other_user());
    give(directory_.data(), other_user());
    set_parameter("host", over == transport::unix_socket ? directory_.path().string() : "127.0.0.1");
    set_parameter("hostaddr", over == transport::unix_socket ? "" : "127.0.0.1");
    // Somebody else may take the port before PgBouncer does.
    for (int tries = over == transport::unix_socket ? 1 : 5;; --tries) {
        if (over == transport::loopback_tcp) {
            settings_["listen_addr"] = "127.0.0.1";
            settings_["listen_port"] = std::to_string(free_port());
        }
        set_parameter("port", settings_["listen_port"]);
        write_configuration();
        if (start())
            return;
        process_->kill(SIGTERM);
        process_->wait(server_deadline); // for the rest of its messages
        if (tries == 1)
            throw std::runtime_error("PgBouncer does not run and answer\n" + process_->errors() + log());
    }
}

pgbouncer::~pgbouncer() {
    if (!directory_.is_ours())
        return;
    try {
        process_->kill(SIGTERM);
        process_->wait(server_deadline);
    } catch (const std::exception& error) {
        std::cerr << "a PgBouncer does not stop and is killed: " << error.what() << '\n';
    }
}

void pgbouncer::write_configuration() const {
    const auto path = directory_.data() / "pgbouncer.ini";
    std::ofstream file(path);
    file << "[databases]\n" << databases_ << "\n[pgbouncer]\n";
    for (const auto& [name, value] : settings_)
        file << name << " = " << value << '\n';
    if (!file.flush())
        throw std::system_error(errno, std::generic_category(), "writing " + path.string());
    give(path, other_user());
}

bool pgbouncer::start() {
    std::vector<std::string> command;
    if (const passwd* user = other_user()) // a change of user forgets the signal that was asked for
        command = {"setpriv",
                   "--reuid=" + std::to_string(user->pw_uid),
                   "--regid=" + std::to_string(user->pw_gid),
                   "--init-groups",
                   "--pdeathsig=TERM",
                   "--"};
    command.insert(command.end(), {program(), "-q", directory_.data() / "pgbouncer.ini"});
    process_.reset();
    try {
        process_.emplace(std::move(command));
    } catch (const std::system_error& error) {
        throw std::runtime_error(std::string(error.what()) + ": apt-get install pgbouncer");
    }
    const auto answers = [&] { return PQping(conninfo().c_str()) == PQPING_OK; };
    return eventually([&] { return !running() || answers(); }, server_deadline) && running();
}

void pgbouncer::reload(pool_mode mode) { reload(settings{{"pool_mode", name_of(mode)}}); }

void pgbouncer::reload(const settings& changes) {
    for (const auto& [name, value] : changes)
        settings_[name] = value;
    write_configuration();
    command("reload");
}

void pgbouncer::command(const std::string& text) const {
    // Its console knows the simple protocol alone.
    const std::unique_ptr<PGconn, decltype([](PGconn* c) { PQfinish(c); })> console(
        PQconnectdb((conninfo("pgbouncer") + " user='postgres'").c_str()));
    const std::unique_ptr<PGresult, decltype([](PGresult* r) { PQclear(r); })> result(
        PQexec(console.get(), text.c_str()));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK && PQresultStatus(result.get()) != PGRES_TUPLES_OK)
        throw sql_error(PQerrorMessage(console.get()), "");
}

bool pgbouncer::running() { return process_ && process_->running(); }

pid_t pgbouncer::process_id() const { return process_.value().id(); }

std::string pgbouncer::log() const {
    std::ifstream file(directory() / "log");
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace pglocks::test
