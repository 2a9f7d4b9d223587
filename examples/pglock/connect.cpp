// SPDX-License-Identifier: BSL-1.0
#include "connect.hpp"

#include <pglocks/error.hpp>
#include <pglocks/postgres/conninfo.hpp>

#include "errors.hpp"
#include "secrets.hpp"
#include "text.hpp"

#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace pglock {

namespace {

/// The connection string with the options of libpq's environment, unless it has options of its own: those
/// that the preset adds would replace them.
[[nodiscard]] std::string with_options_of_environment(const std::string& dsn) {
    const char* const options = std::getenv("PGOPTIONS");
    const pglocks::postgres::connection_options parsed(PQconninfoParse(dsn.c_str(), nullptr));
    if (!options || *options == '\0' || !parsed) {
        return dsn;
    }
    std::string all;
    for (const auto* option = parsed.get(); option->keyword; ++option) {
        if (option->val && std::string_view(option->keyword) == "options") {
            return dsn;
        }
        if (option->val) {
            pglocks::postgres::add_parameter(all, option->keyword, option->val);
        }
    }
    pglocks::postgres::add_parameter(all, "options", options);
    return all;
}

/// What the server would make of it, without its notice: 63 bytes of ASCII.
[[nodiscard]] std::string as_application_name(std::string_view text) {
    std::string name(text.substr(0, 63));
    std::replace_if(name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return name;
}

/// *Throws*: `unavailable` if libpq does not understand the connection string.
[[nodiscard]] std::string with_preset(const std::string& dsn) {
    try {
        return preset.conninfo(with_options_of_environment(dsn));
    } catch (const pglocks::refused&) {
        throw unavailable(
            "libpq does not understand the connection string: it takes keyword=value pairs, or a "
            "postgresql:// URI in which other characters are written as %XX");
    }
}

} // namespace

std::string message_of(const std::exception& error, const options& given) {
    std::string text = error.what();
    constexpr std::string_view prefix = "pglocks: ";
    if (text.starts_with(prefix)) {
        text.erase(0, prefix.size());
    }
    if (const auto* const from_library = dynamic_cast<const pglocks::lock_error*>(&error)) {
        const std::string& advice = from_library->advice();
        if (advice.find("::") != std::string::npos && text.ends_with(advice)) { // for who writes C++
            text.erase(text.size() - advice.size());
            text.erase(text.find_last_not_of("; ") + 1);
        }
    }
    text.erase(text.find_last_not_of(" \n") + 1);
    return printable(secrets(given.dsn).without(text)); // which has the secrets' own bytes
}

std::unique_ptr<soci::session> open_session(const options& given) {
    try {
        auto session = std::make_unique<soci::session>(soci::postgresql, with_preset(given.dsn));
        std::string application = "pglock";
        if (given.application_name) {
            application = *given.application_name;
        } else if (!given.name.empty()) {
            application += ' ' + given.name;
        }
        application = as_application_name(application);
        const int chosen = given.application_name ? 1 : 0;
        *session << "select pg_catalog.set_config('application_name', :name, false) "
                    "where :chosen = 1 or pg_catalog.current_setting('application_name') "
                    "operator(pg_catalog.=) ''",
            soci::use(application, "name"), soci::use(chosen, "chosen");
        return session;
    } catch (const std::exception& error) {
        const std::string message = message_of(error, given);
        if (message.find("unsupported startup parameter") != std::string::npos) {
            throw unavailable("the connection goes through a pooler, which may give this session's lock to "
                              "another client; connect to the server directly (the pooler said: " +
                              message + ')');
        }
        throw unavailable(message);
    }
}

} // namespace pglock
