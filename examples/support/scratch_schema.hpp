// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/aliases.hpp>

#include <soci/soci.h>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace example {

/// A schema of the example's own, so that it can run in a database that others use. Dropped in the end, with
/// everything in it.
class scratch_schema {
public:
    scratch_schema(soci::session& sql, const std::string& name) : sql_(sql), name_(name), alone_(sql, name) {
        if (!alone_) {
            throw std::runtime_error("this example runs in this database already: wait until it has ended");
        }
        sql_ << "set client_min_messages = warning"; // a notice for every table dropped is of no use here
        sql_ << "drop schema if exists " << name_ << " cascade"; // of a run that was killed
        sql_ << "create schema " << name_;
    }
    ~scratch_schema() {
        try {
            sql_ << "drop schema " << name_ << " cascade";
        } catch (const std::exception& error) {
            std::cerr << "the schema " << name_ << " is left behind: " << error.what() << '\n';
        }
    }
    scratch_schema(const scratch_schema&) = delete;
    scratch_schema& operator=(const scratch_schema&) = delete;

private:
    soci::session& sql_;
    std::string name_;
    pglocks::try_advisory_lock alone_; ///< two runs at a time would drop each other's tables
};

} // namespace example
