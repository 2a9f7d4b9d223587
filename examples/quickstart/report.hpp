// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <soci/soci.h>

#include <functional>
#include <optional>
#include <string>

/// The work that the lock protects: one report a night, made from the table of orders. Nothing here knows of
/// locks.
namespace report {

inline constexpr const char* schema = "pglocks_quickstart";

/// Creates the tables, and fills in the orders of a day.
void create_tables(soci::session& sql);

[[nodiscard]] int count_orders(soci::session& sql);
[[nodiscard]] int count_countries(soci::session& sql);

/// Writes the report in the session's transaction, a line per country, and calls `after_line` with the number
/// of lines written so far.
///
/// Nothing but the lock keeps two of them from being written: the table has no unique constraint, on purpose.
void write(soci::session& sql, const std::string& author, const std::function<void(int)>& after_line);

/// Who wrote the report, if it is written.
[[nodiscard]] std::optional<std::string> author(soci::session& sql);

struct totals {
    int lines = 0;
    int orders = 0;
};
[[nodiscard]] totals read(soci::session& sql);

/// How many lines of the report disagree with the orders, or the orders with the report; how many authors it
/// has.
[[nodiscard]] int count_differences(soci::session& sql);
[[nodiscard]] int count_authors(soci::session& sql);

/// Prints the report.
void print(soci::session& sql);

} // namespace report
