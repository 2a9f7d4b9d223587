// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <soci/session.h>

namespace soci {

class transaction {
public:
    explicit transaction(session& session);
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;
    ~transaction();

    void commit();
    void rollback();
};

} // namespace soci
