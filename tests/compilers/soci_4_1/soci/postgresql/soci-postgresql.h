// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

typedef struct pg_conn PGconn; // and no longer #include <libpq-fe.h>

namespace soci {

namespace details {

class session_backend {
public:
    virtual ~session_backend();
    virtual std::string get_backend_name() const = 0;
};

} // namespace details

struct postgresql_session_backend : details::session_backend {
    std::string get_backend_name() const override;

    PGconn* conn_;
};

} // namespace soci
