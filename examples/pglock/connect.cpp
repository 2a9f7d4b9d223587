// SPDX-License-Identifier: BSL-1.0
#include "connect.hpp"

#include "errors.hpp"
#include "secrets.hpp"
#include "text.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <string_view>

namespace pglock {

std::string message_of(const std::exception& error, const options& given) {
    std::string_view text = error.what();
    constexpr std::string_view prefix = "pglocks: ";
    if (text.starts_with(prefix)) {
        text.remove_prefix(prefix.size());
    }
    while (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    return secrets(given.dsn).without(printable(text));
}

std::unique_ptr<soci::session> open_session(const options& given) {
    try {
        auto session = std::make_unique<soci::session>(soci::postgresql, preset.conninfo(given.dsn));
        std::string application = "pglock";
        if (given.application_name) {
            application = *given.application_name;
        } else if (!given.name.empty()) {
            application += ' ' + given.name;
        }
        *session << "select pg_catalog.set_config('application_name', :name, false) "
                    "where :chosen = 1 or pg_catalog.current_setting('application_name') "
                    "operator(pg_catalog.=) ''",
            soci::use(application, "name"), soci::use(given.application_name ? 1 : 0, "chosen");
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
