// SPDX-License-Identifier: BSL-1.0
#include "benchmark/versions.hpp"

#include <boost/version.hpp>
#include <libpq-fe.h>
#include <soci/version.h>

#include <ostream>
#include <pqxx/version>
#include <string_view>

namespace pglocks::benchmark {

void print_versions(std::ostream& out) {
#ifdef __clang__
    out << "clang++\t" << __clang_major__ << '.' << __clang_minor__ << '\n';
#else
    out << "g++\t" << __GNUC__ << '.' << __GNUC_MINOR__ << '\n';
#endif
    const int libpq = PQlibVersion();
    out << "libpq\t" << libpq / 10000 << '.' << libpq % 10000 << '\n';
    out << "SOCI\t" << SOCI_VERSION / 100000 << '.' << SOCI_VERSION / 100 % 1000 << '.' << SOCI_VERSION % 100
        << '\n';
    out << "libpqxx\t" << PQXX_VERSION << '\n';
    out << "Boost\t" << BOOST_VERSION / 100000 << '.' << BOOST_VERSION / 100 % 1000 << '\n';
}

} // namespace pglocks::benchmark
