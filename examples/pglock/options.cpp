// SPDX-License-Identifier: BSL-1.0
#include "options.hpp"

#include <pglocks/error.hpp>

#include "errors.hpp"
#include "hashes.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <utility>

namespace pglock {

namespace {

/// What stands on the command line, before it is judged.
struct words {
    std::string name{};
    std::string hash = "postgres";
    std::string key{};
    std::string shell_command{};
    std::string on_loss = "terminate";
    std::string who{};
    std::string print_key{};
    double wait = 0;
    double grace = 10;
    double watch = 2;
    bool shared = false;
    bool exclusive = false;
    bool nonblock = false;
    bool no_fork = false;
    bool close = false;
    bool list = false;
    bool check = false;
    std::vector<std::string> behind_dashes{};
    bool has_dashes = false;
};

// What is wrong with a value, without the value: it may be a connection string in the wrong place.

[[nodiscard]] std::string time_in_seconds(std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    return !text.empty() && *end == '\0' && std::isfinite(value) && value >= 0
               ? std::string()
               : "it takes a time in seconds, as 10 or 0.5";
}

[[nodiscard]] std::string exit_code(std::string& text) {
    const bool is_number = !text.empty() && text.size() <= 3 &&
                           text.find_first_not_of("0123456789") == std::string::npos &&
                           std::stoi(text) <= 255;
    return is_number ? "" : "it takes an exit status from 0 to 255";
}

[[nodiscard]] std::string what_to_do_on_loss(std::string& text) {
    return text == "terminate" || text == "ignore" ? "" : "it takes terminate or ignore";
}

class with_usage : public CLI::Formatter {
public:
    std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
        return "Usage: pglock [OPTIONS] NAME -- COMMAND [ARGUMENT...]\n"
               "       pglock [OPTIONS] NAME -c COMMAND\n"
               "       pglock [OPTIONS] --key N|A,B -- COMMAND [ARGUMENT...]\n"
               "       pglock [OPTIONS] --list | --who NAME | --print-key NAME | --check\n";
    }
};

void declare(CLI::App& app, words& said, options& given) {
    const CLI::Validator is_time(time_in_seconds, "");
    const auto last = CLI::MultiOptionPolicy::TakeLast;
    app.set_help_flag("-h,--help", "Print this and exit");
    app.set_version_flag("-V,--version", "pglock " PGLOCKS_VERSION, "Print the version and exit");
    app.add_option("NAME", said.name, "The lock's name, the same everywhere that it is to exclude");
    app.add_option("--key", said.key, "Take this key instead of a name: N, or A,B for a pair")
        ->multi_option_policy(last);
    app.add_option("--hash", said.hash, "How a name becomes a key (default: postgres); all with --print-key")
        ->multi_option_policy(last);
    auto* const shared = app.add_flag("-s,--shared", said.shared, "Share the lock with others that share it");
    app.add_flag("-x,-e,--exclusive", said.exclusive, "Hold the lock alone (the default)")->excludes(shared);
    auto* const nonblock = app.add_flag("-n,--nb,--nonblock", said.nonblock, "Fail rather than wait");
    app.add_option("-w,--wait,--timeout", said.wait, "Wait at most so many seconds")
        ->check(is_time)
        ->multi_option_policy(last)
        ->excludes(nonblock);
    app.add_option("-E,--conflict-exit-code", given.conflict_status,
                   "Exit status if the lock is not had (default: 1)")
        ->check(CLI::Validator(exit_code, ""))
        ->multi_option_policy(last);
    app.add_option("-c,--command", said.shell_command, "Run this with $SHELL -c")->multi_option_policy(last);
    app.add_flag("-o,--close", said.close,
                 "Accepted as flock's: the command never inherits what holds the lock");
    app.add_flag("-F,--no-fork", said.no_fork, "Refused: somebody must stay and watch the lock");
    app.add_flag("-v,--verbose", given.verbose, "Say on stderr what is done");
    app.add_option("-d,--dsn", given.dsn, "libpq's connection string or URI (default: its environment)")
        ->multi_option_policy(last);
    app.add_option("--application-name", given.application_name, "What others see in pg_stat_activity")
        ->multi_option_policy(last);
    app.add_option("--grace", said.grace,
                   "Seconds from SIGTERM to SIGKILL when the lock is lost (default: 10)")
        ->check(is_time)
        ->multi_option_policy(last);
    app.add_option("--on-loss", said.on_loss, "terminate (the default) or ignore: when the lock is lost")
        ->check(CLI::Validator(what_to_do_on_loss, ""))
        ->multi_option_policy(last);
    app.add_flag("--list", said.list, "Print the advisory locks of the database");
    app.add_option("--who", said.who, "Print who holds this lock and who waits for it")->expected(0, 1);
    app.add_option("--print-key", said.print_key, "Print the key of this name; needs no server")
        ->expected(0, 1);
    app.add_flag("--check", said.check, "Print whether locks can be had on this connection");
    app.add_flag("--json", given.json, "With --list and --who: JSON");
    app.add_option("--watch", said.watch, "With --list and --who: again every SECS seconds (default: 2)")
        ->expected(0, 1)
        ->check(is_time);
    app.prefix_command(); // as flock: what follows the name is the command
    const auto formatter = std::make_shared<with_usage>();
    formatter->column_width(34);
    app.formatter(formatter);
}

/// Only the name of an option: what follows might be a connection string.
[[nodiscard]] std::string option_alone(const std::string& word) {
    constexpr auto letters = "abcdefghijklmnopqrstuvwxyz-";
    return word.starts_with("--") ? word.substr(0, word.find_first_not_of(letters)) : word.substr(0, 2);
}

[[nodiscard]] bool has(const CLI::App& app, const std::string& option) { return app.count(option) != 0; }

[[nodiscard]] action action_of(const CLI::App& app) {
    std::vector<std::pair<std::string, action>> asked{{"--list", action::list},
                                                      {"--who", action::who},
                                                      {"--print-key", action::print_key},
                                                      {"--check", action::check}};
    std::erase_if(asked, [&](const auto& a) { return !has(app, a.first); });
    if (asked.size() > 1) {
        throw usage_error(asked[0].first + " and " + asked[1].first + " exclude each other");
    }
    return asked.empty() ? action::run : asked.front().second;
}

void refuse(const CLI::App& app, const std::vector<std::string>& meaningless, const std::string& where) {
    for (const auto& option : meaningless) {
        if (has(app, option)) {
            throw usage_error(option + " has no meaning " + where);
        }
    }
}

/// Behind the first `--` a name may begin with a dash, where a command cannot; any other is meant as a name
/// if a second `--` follows it, or if -c has the command.
void take_name_behind_dashes(words& said, bool has_command) {
    auto& rest = said.behind_dashes;
    const bool is_name = !rest.empty() && (has_command || rest.front().starts_with('-') ||
                                           (rest.size() > 1 && rest[1] == "--"));
    if (!is_name) {
        return;
    }
    said.name = rest.front();
    rest.erase(rest.begin());
    said.has_dashes = !rest.empty() && rest.front() == "--";
    if (said.has_dashes) {
        rest.erase(rest.begin());
    }
}

void judge_command(const CLI::App& app, const words& said, options& given) {
    std::vector<std::string> before = app.remaining();
    if (!before.empty() && before.front().starts_with('-') && before.front() != "-") {
        throw usage_error("there is no option " + option_alone(before.front()));
    }
    if (given.key && !said.name.empty()) {
        throw usage_error(said.has_dashes ? "both a NAME and --key are given: leave one out"
                                          : "with --key, write -- before the command");
    }
    if (!before.empty() && said.has_dashes) {
        before.emplace_back("--"); // it was the command's own
    }
    given.command = std::move(before);
    std::copy(said.behind_dashes.begin(), said.behind_dashes.end(), std::back_inserter(given.command));
    if (has(app, "--command")) {
        if (!given.command.empty()) {
            throw usage_error("both -c and a command are given: leave one out");
        }
        const char* const shell = std::getenv("SHELL");
        given.command = {shell && *shell != '\0' ? shell : "/bin/sh", "-c", said.shell_command};
    }
    if (given.command.empty()) {
        throw usage_error("there is no command: write -- COMMAND behind the name");
    }
    if (said.no_fork) {
        throw usage_error(
            "--no-fork is not possible: the lock belongs to pglock's connection, which somebody "
            "must watch while COMMAND runs; leave it out");
    }
    refuse(app, {"--json", "--watch"}, "with a command");
    if (!given.end_on_loss) {
        refuse(app, {"--grace"}, "with --on-loss ignore");
    }
    given.shared = said.shared;
    if (said.nonblock) {
        given.wait = seconds(0);
    } else if (has(app, "--wait")) {
        given.wait = seconds(said.wait);
    }
}

/// Where the name stands that is meant, for each action.
[[nodiscard]] std::string& name_of(words& said, action what) {
    switch (what) {
    case action::who:
        return said.who;
    case action::print_key:
        return said.print_key;
    default:
        return said.name;
    }
}

/// Other options may stand between `--who` or `--print-key` and the name.
void take_name_behind_options(words& said, action what) {
    if (std::string& name = name_of(said, what); name.empty()) {
        name = std::exchange(said.name, {});
    }
}

void judge_question(const CLI::App& app, const words& said, options& given) {
    const std::string wanted = given.what == action::who         ? "--who"
                               : given.what == action::print_key ? "--print-key"
                               : given.what == action::list      ? "--list"
                                                                 : "--check";
    if (!said.name.empty() || !app.remaining().empty() || said.has_dashes) {
        const std::string extra =
            !said.name.empty() || app.remaining().empty() ? "" : app.remaining().front();
        throw usage_error(extra.starts_with('-') ? "there is no option " + option_alone(extra)
                                                 : wanted + " runs no command");
    }
    const std::string where = "with " + wanted;
    refuse(app,
           {"--shared", "--exclusive", "--nonblock", "--wait", "--conflict-exit-code", "--command", "--close",
            "--no-fork", "--grace", "--on-loss"},
           where);
    if (given.what == action::check || given.what == action::print_key) {
        refuse(app, {"--json", "--watch"}, where);
    }
    if (given.what == action::list || given.what == action::check) {
        refuse(app, {"--hash", "--key"}, where);
    }
    if (given.what == action::print_key) {
        refuse(app, {"--key", "--dsn", "--application-name"}, where);
    }
    if (given.what == action::who && given.key && !said.who.empty()) {
        throw usage_error("both a NAME and --key are given: leave one out");
    }
    if (has(app, "--watch")) {
        constexpr double year = 365 * 86400; // what a clock can wait has an end
        given.watch = seconds(std::clamp(said.watch, 0.1, year));
    }
}

void judge_lock(words& said, options& given) {
    given.every_hash = given.what == action::print_key && said.hash == "all";
    if (given.key || given.what == action::list || given.what == action::check) {
        return;
    }
    given.name = name_of(said, given.what);
    if (given.name.empty()) {
        throw usage_error(given.what == action::print_key ? "there is no name: write it behind --print-key"
                                                          : "there is no name: write NAME, or --key N");
    }
    if (!given.every_hash) {
        try {
            given.key = hash_named(said.hash).key_of(given.name);
        } catch (const pglocks::refused&) {
            throw usage_error(
                "the hash " + said.hash +
                " maps only text in UTF-8: correct the name, or choose another hash, as sha256");
        }
    }
}

} // namespace

options parse_options(int argc, const char* const* argv) {
    words said;
    options given;
    CLI::App app{"Runs a command while it holds a PostgreSQL advisory lock: flock(1) across machines."};
    declare(app, said, given);
    std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    said.has_dashes = dashes != arguments.end();
    if (said.has_dashes) {
        said.behind_dashes.assign(dashes + 1, arguments.end());
    }
    arguments.erase(dashes, arguments.end());
    std::reverse(arguments.begin(), arguments.end()); // as CLI11 takes them
    try {
        app.parse(arguments);
    } catch (const CLI::CallForHelp&) {
        given.what = action::help;
        given.help = app.help();
        return given;
    } catch (const CLI::CallForVersion&) {
        given.what = action::version;
        return given;
    } catch (const CLI::ConversionError&) { // which quotes the value
        throw usage_error("an option has a value that it does not take");
    } catch (const CLI::ParseError& error) {
        throw usage_error(error.what());
    }
    given.what = action_of(app);
    if (has(app, "--key")) {
        given.key = parse_key(said.key);
        refuse(app, {"--hash"}, "with --key");
    }
    given.grace = seconds(said.grace);
    given.end_on_loss = said.on_loss == "terminate";
    if (given.what == action::run) {
        if (said.name.empty() && !given.key) {
            take_name_behind_dashes(said, has(app, "--command"));
        }
        judge_command(app, said, given);
    } else {
        take_name_behind_options(said, given.what);
        judge_question(app, said, given);
    }
    judge_lock(said, given);
    return given;
}

std::string lock_text(const options& given) {
    const std::string key = given.key ? key_text(*given.key) : "";
    return given.name.empty() ? "lock key " + key : "lock \"" + given.name + "\" (key " + key + ')';
}

} // namespace pglock
