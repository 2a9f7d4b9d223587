// SPDX-License-Identifier: BSL-1.0
// A file that one writes in place and many read at the same time: who reads sees all of a report.
#include <pglocks/pglocks.hpp>

#include "connection.hpp"
#include "support/interruption.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <latch>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

constexpr int readers = 4;
constexpr int reports = 50;
constexpr int lines = 40;

/// Line by line, in place: whoever reads meanwhile gets the beginning of one report and the end of another.
void write(const std::filesystem::path& file, int report) {
    std::fstream out(file, std::ios::in | std::ios::out);
    for (int line = 0; line < lines; ++line) {
        out << "report " << 1000 + report << " line " << 100 + line << std::endl;
    }
}

/// The number of the report. Throws if the lines are not all of one.
int read(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::string word;
    int report = 0;
    int line = 0;
    in >> word >> report >> word >> line;
    for (int i = 1; i < lines; ++i) {
        int next = 0;
        in >> word >> next >> word >> line;
        if (!in || next != report || line != 100 + i) {
            throw std::runtime_error("a reader has seen half of a report");
        }
    }
    return report - 1000;
}

//! [readers and a writer]
using write_lock = pglocks::advisory_lock;       // mode::exclusive
using read_lock = pglocks::shared_advisory_lock; // mode::shared

void write_reports(soci::session& sql, const std::filesystem::path& file) {
    for (int report = 1; report <= reports; ++report) {
        const write_lock lock(sql, "sales-report"); // waits for all readers, and keeps others out
        write(file, report);
    }
}

int read_report(soci::session& sql, const std::filesystem::path& file) {
    const read_lock lock(sql, "sales-report"); // waits for the writer, and for one that was here before
    return read(file);
}
//! [readers and a writer]

/// Reads until the last report is there; returns how many times.
int keep_reading(const std::string& connection, const std::filesystem::path& file, std::latch& all_read) {
    soci::session sql;
    try {
        sql.open(soci::postgresql, connection);
        const read_lock lock(sql, "sales-report");
        read(file);
        all_read.arrive_and_wait(); // passed only if all of them hold the lock at a time
    } catch (...) {
        all_read.count_down(); // nobody is to wait for this one
        throw;
    }
    int reads = 1;
    for (; read_report(sql, file) < reports; ++reads) {
        example::stop_if_interrupted();
    }
    return reads;
}

void run(const std::string& connection, const std::filesystem::path& file) {
    write(file, 0);
    std::latch all_read(readers + 1);
    std::vector<std::future<int>> running;
    for (int i = 0; i < readers; ++i) {
        running.push_back(std::async(std::launch::async, keep_reading, connection, file, std::ref(all_read)));
    }
    all_read.arrive_and_wait();
    soci::session sql(soci::postgresql, connection);
    write_reports(sql, file);
    int reads = 0;
    for (std::future<int>& reader : running) {
        reads += reader.get();
    }
    std::cout << readers << " readers have read " << reads << " times while " << reports
              << " reports were written, and saw no half of one.\n";
}

} // namespace

int main(int argc, char** argv) {
    std::string name = std::filesystem::temp_directory_path() / "pglocks-report.XXXXXX";
    try {
        example::catch_interruption();
        const int descriptor = ::mkstemp(name.data());
        if (descriptor < 0) {
            throw std::runtime_error("no file can be made in " +
                                     std::filesystem::temp_directory_path().string());
        }
        ::close(descriptor);
        run(example::connection_string(argc, argv), name);
        std::filesystem::remove(name);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        std::error_code ignored;
        std::filesystem::remove(name, ignored);
        return EXIT_FAILURE;
    }
}
