// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace pglocks::test {

/// A PostgreSQL server that tests can connect to; how it came to be there is not its business.
class server {
public:
    /// \param conninfo a libpq connection string, or a URI; what it leaves out libpq takes from the
    /// environment. *Throws*: std::invalid_argument, if it is neither.
    explicit server(const std::string& conninfo);

    /// A keyword=value connection string for libpq and SOCI.
    /// \param database instead of the one this server was made with.
    [[nodiscard]] std::string conninfo(const std::string& database = "") const;

    /// Makes a database with the encoding UTF8.
    /// *Throws*: sql_error.
    void create_database(const std::string& name) const;

    /// Drops a database, ending the connections to it.
    /// *Throws*: sql_error.
    void drop_database(const std::string& name) const;

protected:
    void set_parameter(const std::string& keyword, const std::string& value);

private:
    std::map<std::string, std::string> parameters_;
};

} // namespace pglocks::test
