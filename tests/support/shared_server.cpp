// SPDX-License-Identifier: BSL-1.0
#include "support/shared_server.hpp"

#include "support/observer.hpp"
#include "support/postgres_server.hpp"
#include "support/scratch_database.hpp"

#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

namespace pglocks::test {
namespace {

struct named_server {
    std::string variable;
    std::string conninfo;
};

std::optional<named_server> server_of_environment() {
    const auto is_set = [](const char* name) {
        const char* value = std::getenv(name);
        return value != nullptr && *value != '\0';
    };
    if (is_set("DATABASE_URL"))
        return named_server{.variable = "DATABASE_URL", .conninfo = std::getenv("DATABASE_URL")};
    for (const char* name : {"PGHOST", "PGHOSTADDR", "PGSERVICE"}) {
        if (is_set(name))
            return named_server{.variable = name, .conninfo = ""}; // libpq reads these itself
    }
    return std::nullopt;
}

struct shared_state {
    std::optional<postgres_server> own;
    std::optional<server> existing;
    std::optional<scratch_database> database;
    std::optional<server> with_database;

    shared_state() {
        if (const auto named = server_of_environment()) {
            try {
                database.emplace(existing.emplace(named->conninfo));
            } catch (const std::exception& error) {
                throw std::runtime_error("the server that " + named->variable +
                                         " names cannot be used for tests: " + error.what() +
                                         "\nMake it reachable and give its role CREATEDB, or unset " +
                                         named->variable + " to have a private server started.");
            }
        } else {
            database.emplace(own.emplace());
        }
        with_database.emplace(database->conninfo());
    }
};

std::optional<shared_state>& shared() {
    static std::optional<shared_state> state;
    return state;
}

} // namespace

const server& shared_server() {
    auto& state = shared();
    if (!state)
        state.emplace();
    return *state->with_database;
}

void stop_shared_server() { shared().reset(); }

} // namespace pglocks::test
