// SPDX-License-Identifier: BSL-1.0
// flock(1) across machines: runs a command while it holds an advisory lock, and tells who holds which.
#include <pglocks/error.hpp>

#include "check.hpp"
#include "command.hpp"
#include "connect.hpp"
#include "errors.hpp"
#include "exit_status.hpp"
#include "list.hpp"
#include "options.hpp"
#include "print_key.hpp"
#include "report.hpp"
#include "run_under_lock.hpp"

#include <clocale>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <new>
#include <system_error>

namespace {

namespace exit_status = pglock::exit_status;
using pglock::action;
using pglock::report;

/// Descriptors 0 to 2 are never a connection's: the command would read and write it.
void open_standard_descriptors() {
    int next = 0;
    do {
        next = ::open("/dev/null", O_RDWR); // NOLINT(hicpp-vararg,android-cloexec-open)
    } while (next >= 0 && next <= 2);
    if (next > 2) {
        ::close(next);
    }
}

int do_as_told(const pglock::options& given) {
    int status = exit_status::success;
    switch (given.what) {
    case action::help:
        std::cout << given.help;
        break;
    case action::version:
        std::cout << "pglock " PGLOCKS_VERSION "\n";
        break;
    case action::list:
    case action::who:
        print_locks(given);
        break;
    case action::print_key:
        print_key(given);
        break;
    case action::check:
        status = check_connection(given);
        break;
    case action::run:
        return run_under_lock(given);
    }
    if (!std::cout.flush()) {
        report("cannot write to the standard output");
        return exit_status::system;
    }
    return status;
}

int run(const pglock::options& given) {
    const auto told = [&given](const std::exception& error, int status) {
        report(message_of(error, given));
        return status;
    };
    try {
        return do_as_told(given);
    } catch (const pglock::unavailable& error) {
        return told(error, exit_status::unavailable);
    } catch (const pglock::cannot_run& error) {
        return told(error, error.status());
    } catch (const pglocks::refused& error) {
        return told(error, exit_status::unavailable);
    } catch (const pglocks::connection_lost& error) {
        return told(error, exit_status::unavailable);
    } catch (const soci::soci_error& error) {
        return told(error, exit_status::failed);
    } catch (const std::system_error& error) {
        return told(error, exit_status::system);
    } catch (const std::bad_alloc& error) {
        return told(error, exit_status::system);
    } catch (const std::exception& error) {
        return told(error, exit_status::internal);
    }
}

} // namespace

int main(int argc, char** argv) {
    open_standard_descriptors();
    std::setlocale(LC_CTYPE, "C.UTF-8"); // what it reads and prints is UTF-8, also under cron
    std::signal(SIGCHLD, SIG_DFL);       // whoever ignores it learns no exit status
    try {
        return run(pglock::parse_options(argc, argv));
    } catch (const pglock::usage_error& error) {
        report(std::string(error.what()) + " (see pglock --help)");
        return exit_status::usage;
    } catch (const std::exception& error) {
        report(error.what());
        return exit_status::internal;
    }
}
