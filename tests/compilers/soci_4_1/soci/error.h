// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <soci/version.h>

#include <stdexcept>
#include <string>

namespace soci {

class soci_error : public std::runtime_error {
public:
    explicit soci_error(const std::string& message);
    soci_error(const char* format, const std::string& argument);
    soci_error(const char* format, int argument);
    soci_error(const soci_error& other) noexcept;
    soci_error& operator=(const soci_error& other) noexcept;
    ~soci_error() noexcept override;

    const char* what() const noexcept override;

    enum error_category {
        connection_error,
        invalid_statement,
        no_privilege,
        no_data,
        constraint_violation,
        unknown_transaction_state,
        system_error,
        unknown
    };
    virtual error_category get_error_category() const;
    virtual std::string get_backend_name() const;
    virtual std::string get_sqlstate() const;
};

} // namespace soci
