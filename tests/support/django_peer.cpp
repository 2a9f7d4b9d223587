// SPDX-License-Identifier: BSL-1.0
#include "support/django_peer.hpp"

#include <stdexcept>
#include <system_error>

namespace pglocks::test {
namespace {

/// Loading Django takes a while on a busy machine.
constexpr auto interpreter_deadline = std::chrono::seconds(60);

std::string find_python() {
    std::string reasons;
    for (const char* python : {"/usr/bin/python3", "python3"}) {
        try {
            const auto tried =
                run({python, "-c", "import django, django_pglocks, psycopg2"}, {}, interpreter_deadline);
            if (tried.status == exit_status{})
                return python;
            reasons += std::string("\n") + python + ": " + tried.errors;
        } catch (const std::system_error& error) {
            reasons += std::string("\n") + error.what();
        }
    }
    throw std::runtime_error("no python3 has django_pglocks: apt-get install python3-django-pglocks" +
                             reasons);
}

} // namespace

const std::string& python_with_django_pglocks() {
    static const std::string python = find_python();
    return python;
}

django_peer::django_peer(const std::string& conninfo, const std::string& other)
    : process_({python_with_django_pglocks(), PGLOCKS_TEST_SUPPORT_DIR "/django_peer.py", conninfo, other}) {}

std::string django_peer::ask(const std::string& command) {
    process_.send_line(command);
    return process_.read_line(interpreter_deadline);
}

void django_peer::begin_lock(const std::string& lock) {
    process_.send_line("lock " + lock);
    process_.expect_line("waiting", interpreter_deadline);
}

void django_peer::lock(const std::string& lock) {
    begin_lock(lock);
    process_.expect_line("held");
}

bool django_peer::try_lock(const std::string& lock, const std::string& alias) {
    const auto answer = ask("lock " + lock + " nowait using " + alias);
    if (answer != "held" && answer != "refused")
        throw child_error("django_peer: tried to lock " + lock + ", and answered: " + answer);
    return answer == "held";
}

void django_peer::unlock() {
    process_.send_line("unlock");
    process_.expect_line("released");
}

void django_peer::raise() {
    process_.send_line("raise");
    process_.expect_line("released");
}

} // namespace pglocks::test
