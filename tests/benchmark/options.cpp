// SPDX-License-Identifier: BSL-1.0
#include "benchmark/options.hpp"

#include "benchmark/contestant.hpp"
#include "benchmark/versions.hpp"

#include <boost/program_options.hpp>

#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace pglocks::benchmark {
namespace {

constexpr auto introduction =
    "Takes locks as one contestant of the benchmark does; benchmark.py runs it, and compares.\n"
    "Says `ready` when connected. Commands on standard input, one a line: `run COUNT` does COUNT cycles\n"
    "in each session and answers the nanoseconds that it took; the end of the input ends the "
    "program.\n\nOptions";

void list_contestants() {
    for (const auto& each : contestants()) {
        std::cout << each.name << '\t';
        for (const auto* separator = ""; const auto what : each.tasks) {
            std::cout << std::exchange(separator, " ") << name_of(what);
        }
        std::cout << '\t' << each.label << '\n';
    }
}

} // namespace

std::optional<options> parse_options(int argc, const char* const* argv) {
    namespace po = boost::program_options;
    options chosen;
    std::string keys;
    po::options_description described{std::string(introduction)};
    // clang-format off
    described.add_options()
        ("contestant", po::value(&chosen.contestant), "by its name")
        ("conninfo", po::value(&chosen.conninfo), "libpq connection string")
        ("sessions", po::value(&chosen.sessions)->default_value(1), "with a thread each")
        ("keys", po::value(&keys)->default_value("distinct"), "distinct: one for each session; hot: one for all")
        ("hand-off", po::bool_switch(&chosen.hand_off), "a cycle is one hand-off between two sessions")
        ("set-size", po::value(&chosen.set_size)->default_value(1), "keys in a set")
        ("list", "the contestants: name, tasks and label, separated by tabs")
        ("versions", "what the program is built with")
        ("help", "this");
    // clang-format on
    po::variables_map values;
    try {
        po::store(po::command_line_parser(argc, argv).options(described).positional({}).run(), values);
        po::notify(values);
    } catch (const po::error& error) {
        throw std::invalid_argument(error.what());
    }
    if (values.count("help") != 0) {
        std::cout << described;
        return std::nullopt;
    }
    if (values.count("list") != 0) {
        list_contestants();
        return std::nullopt;
    }
    if (values.count("versions") != 0) {
        print_versions(std::cout);
        return std::nullopt;
    }
    if (keys != "hot" && keys != "distinct") {
        throw std::invalid_argument("--keys takes hot or distinct");
    }
    if (values.count("contestant") == 0 || values.count("conninfo") == 0 || chosen.sessions == 0 ||
        chosen.set_size == 0) {
        throw std::invalid_argument(
            "--contestant, --conninfo, at least one session and at least one key are needed");
    }
    chosen.hot = keys == "hot";
    return chosen;
}

} // namespace pglocks::benchmark
