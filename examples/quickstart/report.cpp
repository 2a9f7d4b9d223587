// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <iomanip>
#include <iostream>
#include <vector>

namespace report {

namespace {

/// What the report is to say, by the orders.
constexpr const char* lines_by_orders = R"(
    select country, count(*) as orders, sum(quantity) as items, sum(quantity * price) as revenue
    from pglocks_quickstart.orders group by country)";

constexpr const char* lines_of_report =
    "select country, orders, items, revenue from pglocks_quickstart.report";

[[nodiscard]] int number(soci::session& sql, const std::string& query) {
    int result = 0;
    sql << query, soci::into(result);
    return result;
}

void print_line(const std::string& country, int orders, int items, const std::string& revenue) {
    std::cout << "  " << std::left << std::setw(12) << country << std::right << std::setw(8) << orders
              << std::setw(8) << items << std::setw(14) << revenue << '\n';
}

} // namespace

void create_tables(soci::session& sql) {
    sql << R"(create table pglocks_quickstart.orders (
        id integer primary key, placed timestamp not null, country text not null, product text not null,
        quantity integer not null, price numeric(8, 2) not null))";
    sql << R"(create table pglocks_quickstart.report (
        country text not null, orders integer not null, items integer not null, revenue numeric(12, 2) not null,
        author text not null))";
    // The same orders each time: an order every three minutes, all day long.
    sql << R"(insert into pglocks_quickstart.orders
        select n + 1, timestamp '2024-03-01 00:00' + n * interval '3 minutes',
               (array['Austria', 'France', 'Germany', 'Italy', 'Netherlands', 'Poland'])[1 + n * 37 % 101 % 6],
               product, 1 + n * 13 % 7, price
        from generate_series(0, 479) as n
        join (values (0, 'lamp', 39.90), (1, 'chair', 89.00), (2, 'desk', 249.50), (3, 'shelf', 64.95))
             as products (number, product, price) on number = n * 11 % 17 % 4)";
}

int count_orders(soci::session& sql) { return number(sql, "select count(*) from pglocks_quickstart.orders"); }

int count_countries(soci::session& sql) {
    return number(sql, "select count(distinct country) from pglocks_quickstart.orders");
}

void write(soci::session& sql, const std::string& author, const std::function<void(int)>& after_line) {
    std::vector<std::string> countries(static_cast<std::size_t>(count_countries(sql)));
    sql << "select distinct country from pglocks_quickstart.orders order by country", soci::into(countries);

    int written = 0;
    for (const std::string& country : countries) {
        sql << "insert into pglocks_quickstart.report select *, :author from (" << lines_by_orders
            << ") as lines where country = :country",
            soci::use(author, "author"), soci::use(country, "country");
        after_line(++written);
    }
}

std::optional<std::string> author(soci::session& sql) {
    std::string author;
    sql << "select author from pglocks_quickstart.report limit 1", soci::into(author);
    return sql.got_data() ? std::optional(author) : std::nullopt;
}

totals read(soci::session& sql) {
    totals found;
    sql << "select count(*), coalesce(sum(orders), 0) from pglocks_quickstart.report",
        soci::into(found.lines), soci::into(found.orders);
    return found;
}

int count_differences(soci::session& sql) {
    const std::string orders = lines_by_orders;
    const std::string report = lines_of_report;
    return number(sql, "select count(*) from ((" + orders + " except all " + report + ") union all (" +
                           report + " except all " + orders + ")) as differences");
}

int count_authors(soci::session& sql) {
    return number(sql, "select count(distinct author) from pglocks_quickstart.report");
}

void print(soci::session& sql) {
    std::cout << "  country       orders   items       revenue\n";
    const soci::rowset<soci::row> lines =
        (sql.prepare << "select coalesce(country, 'all'), sum(orders)::integer, sum(items)::integer,"
                        " to_char(sum(revenue), 'FM999G990D00') from pglocks_quickstart.report"
                        " group by rollup (country) order by country nulls last");
    for (const soci::row& line : lines) {
        print_line(line.get<std::string>(0), line.get<int>(1), line.get<int>(2), line.get<std::string>(3));
    }
}

} // namespace report
