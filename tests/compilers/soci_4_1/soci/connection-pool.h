// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace soci {

class session;

class connection_pool {
public:
    explicit connection_pool(std::size_t size);
    connection_pool(const connection_pool&) = delete;
    connection_pool& operator=(const connection_pool&) = delete;
    ~connection_pool();

    session& at(std::size_t position);
    std::size_t lease();
    bool try_lease(std::size_t& position, int timeout);
    void give_back(std::size_t position);
};

} // namespace soci
