// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <soci/version.h>

#include <string>

namespace soci {

namespace details {
class session_backend;
} // namespace details

class connection_pool;

class session {
public:
    session();
    explicit session(const std::string& conninfo);
    explicit session(connection_pool& pool);
    session(session&& other);
    session& operator=(session&& other);
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session();

    void close();
    void reconnect();
    bool is_connected() const noexcept;
    void begin();
    void commit();
    void rollback();

    details::session_backend* get_backend();
};

} // namespace soci
