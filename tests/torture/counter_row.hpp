// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "torture/hold.hpp"

#include <soci/soci.h>

#include <cstdint>
#include <string>

namespace pglocks::torture {

/// The second witness: one row a key, which nothing but the lock guards. Exclusive holders read it, wait, and
/// write what they read plus one; an overlap loses an increment. The row also names its last writer, so that
/// two who read the same state are known by it.
class counter_row {
public:
    /// The table with its rows.
    static std::string schema(unsigned keys) {
        return "create table counter (key bigint primary key, value bigint not null, writer bigint not null) "
               "with (fillfactor = 50); insert into counter select k, 0, 0 from generate_series(0, " +
               std::to_string(keys - 1) + ") k";
    }

    explicit counter_row(std::int64_t key) : where_(" where key = " + std::to_string(key)) {}

    /// Reads the row; answers who wrote it. *Throws*: soci::soci_error.
    hold_id read(soci::session& session) {
        long long value = 0;
        long long writer = 0;
        session << "select value, writer from counter" + where_, soci::into(value), soci::into(writer);
        value_ = value;
        return hold_id(static_cast<std::uint64_t>(writer));
    }

    /// Writes one more than was read. *Throws*: soci::soci_error; then nobody knows whether it was written.
    void write(soci::session& session, hold_id writer) const {
        session << "update counter set value = " + std::to_string(value_ + 1) +
                       ", writer = " + std::to_string(writer.value) + where_;
    }

private:
    std::string where_;
    long long value_ = 0;
};

} // namespace pglocks::torture
