// SPDX-License-Identifier: BSL-1.0
#include "torture/options.hpp"

#include <boost/program_options.hpp>

#include <array>
#include <iostream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace pglocks::torture {
namespace {

constexpr std::array control_names{std::pair{control::none, "none"},
                                   std::pair{control::naive_timeout, "naive-timeout"},
                                   std::pair{control::unchecked_pooler, "unchecked-pooler"},
                                   std::pair{control::ignored_unlock, "ignored-unlock"}};

constexpr std::string_view introduction =
    "Tortures pglocks on a PostgreSQL server of its own: several processes with several threads take locks "
    "of\n"
    "all policies on one hot key and many cold ones, while faults hit clients, server, pooler and network.\n"
    "Three witnesses look for two owners of one lock. Needs PostgreSQL's and PgBouncer's programs, no\n"
    "configuration, no running server. Root gets a real cut network, others a stalling proxy.\n\n"
    "Exit status: 0 nothing forbidden happened, 1 something did, 3 a control was found out, 4 it was not,\n"
    "64 wrong arguments, 69 something needed is missing, 130 interrupted.\n\nOptions";

std::string all_faults(const std::string& separator) {
    std::string text;
    for (const auto& each : fault_names) {
        text += (text.empty() ? "" : separator) + std::string(each.text);
    }
    return text;
}

std::vector<fault_kind> parse_faults(const std::string& list) {
    std::vector<fault_kind> faults;
    if (list == "none") {
        return faults;
    }
    std::istringstream names(list == "all" ? all_faults(",") : list);
    for (std::string name; std::getline(names, name, ',');) {
        const auto kind = fault_called(name);
        if (!kind) {
            throw std::invalid_argument("no fault is called '" + name +
                                        "': write all, none, or some, separated by commas, of " +
                                        all_faults(", "));
        }
        faults.push_back(*kind);
    }
    return faults;
}

control parse_control(const std::string& name) {
    for (const auto& [kind, text] : control_names) {
        if (name == text) {
            return kind;
        }
    }
    throw std::invalid_argument("no control is called '" + name +
                                "': write naive-timeout, unchecked-pooler or ignored-unlock");
}

void check_range(const char* option, unsigned value, unsigned least, unsigned most) {
    if (value < least || value > most) {
        throw std::invalid_argument(std::string("--") + option + " takes " + std::to_string(least) + " to " +
                                    std::to_string(most));
    }
}

} // namespace

std::string name_of(control kind) {
    for (const auto& [each, text] : control_names) {
        if (each == kind) {
            return text;
        }
    }
    return "?";
}

std::optional<options> parse_options(int argc, const char* const* argv) {
    namespace po = boost::program_options;
    options chosen;
    unsigned seconds = 60;
    std::string faults;
    std::string control_name;
    std::string histories;
    po::options_description described{std::string(introduction)};
    // clang-format off
    described.add_options()
        ("seconds", po::value(&seconds)->default_value(60), "how long the workers work")
        ("seed", po::value(&chosen.seed), "of the random choices (default: a new one; always printed)")
        ("faults", po::value(&faults)->default_value("all"),
            ("all, none, or some, separated by commas, of " + all_faults(", ")).c_str())
        ("processes", po::value(&chosen.processes)->default_value(4), "worker processes")
        ("threads", po::value(&chosen.threads)->default_value(4), "threads of each, with a session each")
        ("keys", po::value(&chosen.keys)->default_value(64), "locks; the first is the hot one")
        ("control", po::value(&control_name)->default_value("none"),
            "make a known mistake instead of using pglocks, without faults: "
            "naive-timeout, unchecked-pooler, ignored-unlock")
        ("histories", po::value(&histories), "a directory to leave the workers' histories in, for a closer look")
        ("help", "this");
    // clang-format on
    po::variables_map values;
    try {
        po::store(po::command_line_parser(argc, argv)
                      .options(described)
                      .positional({})
                      .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                      .run(),
                  values);
        po::notify(values);
    } catch (const po::error& error) {
        throw std::invalid_argument(error.what());
    }
    if (values.count("help") != 0) {
        std::cout << described;
        return std::nullopt;
    }
    if (values.count("seed") == 0) {
        std::random_device device;
        chosen.seed = device();
    }
    chosen.histories = histories;
    chosen.duration = std::chrono::seconds(seconds);
    chosen.control = parse_control(control_name);
    chosen.faults = chosen.control == control::none ? parse_faults(faults) : std::vector<fault_kind>();
    check_range("processes", chosen.processes, 1, max_processes);
    check_range("threads", chosen.threads, 1, max_threads);
    check_range("keys", chosen.keys, 1, max_keys);
    return chosen;
}

} // namespace pglocks::torture
