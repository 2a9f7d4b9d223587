// SPDX-License-Identifier: BSL-1.0
// A C++ program and a real Django process (django-pglocks) on the same lock, each excluding the other.
#include <pglocks/pglocks.hpp>

#include "connection.hpp"
#include "support/child.hpp"
#include "support/interruption.hpp"
#include "support/pg_locks.hpp"
#include "support/timeline.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <cstdlib>
#include <future>
#include <iostream>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>

namespace {

using example::clock;
using example::held;
using example::waited;

/// The key that Python's `with advisory_lock("nightly-report"):` locks, and two locks on it.
using django_keys = pglocks::interop::django_pglocks;
using django_lock = pglocks::basic_advisory_lock<django_keys>;
using try_django_lock = pglocks::basic_advisory_lock<django_keys, pglocks::wait::none>;

constexpr std::string_view name = "nightly-report";
constexpr pglocks::lock_key key = pglocks::key_of<django_keys>(name);

/// Becomes the Python that has django_pglocks: Debian's, where its package puts it, or else the first in
/// PATH.
constexpr const char* become_python = R"(
for python in /usr/bin/python3 python3; do
    "$python" -c "import django_pglocks, psycopg2" 2>/dev/null && exec "$python" "$@"
done
echo "no python3 has django_pglocks: apt-get install python3-django-pglocks" >&2
exit 1)";

/// Python holds the lock; C++ does not get it, then waits for it and gets it when Python leaves.
void python_first(soci::session& sql, soci::session& watcher, example::child& django,
                  const example::timeline& story) {
    django.tell("wait");
    story.hear(django, "asks: with advisory_lock(\"nightly-report\")");
    const auto django_holds = story.hear(django, "holds the lock");

    story.add(clock::now(), "c++", "asks: try_django_lock");
    if (const try_django_lock lock(sql, name); lock) {
        example::stop_if_interrupted(); // Ctrl-C may have ended Python
        throw std::runtime_error("C++ has the lock that Python holds");
    }
    story.add(clock::now(), "c++", "does not get it: " + example::holders(watcher, key) + " holds the lock");

    const auto asks = clock::now();
    story.add(asks, "c++", "asks: django_lock");
    // In a thread, since it waits; the session belongs to that thread until it is done. Should anything go
    // wrong here, the thread's destructor requests the stop that ends the wait.
    std::packaged_task<django_lock(std::stop_token)> task(
        [&sql](const std::stop_token& stop) { return django_lock(sql, name, stop); });
    std::future<django_lock> got = task.get_future();
    const std::jthread waiting(std::move(task));
    story.add(clock::now(), "c++", example::see_waiting(watcher, key, "c++"));
    django.tell("leave");
    story.hear(django, "leaves the with block", held(django_holds));
    const django_lock lock = got.get();
    const auto holds = clock::now();
    story.add(holds, "c++", "holds the lock" + waited(asks)(holds));
    const auto end = clock::now();
    story.add(end, "c++", "releases the lock" + held(holds)(end));
}

/// C++ holds the lock; Python does not get it, then waits for it and gets it when C++ releases.
void cpp_first(soci::session& sql, soci::session& watcher, example::child& django,
               const example::timeline& story) {
    story.add(clock::now(), "c++", "asks: django_lock");
    django_lock lock(sql, name);
    const auto holds = clock::now();
    story.add(holds, "c++", "holds the lock");

    django.tell("try");
    story.hear(django, "asks: with advisory_lock(\"nightly-report\", wait=False)");
    story.hear(django, "does not get it",
               [&](auto) { return ": " + example::holders(watcher, key) + " holds the lock"; });

    django.tell("wait");
    const auto asks = story.hear(django, "asks: with advisory_lock(\"nightly-report\")");
    story.add(clock::now(), "django", example::see_waiting(watcher, key, "django"));
    const auto end = clock::now();
    story.add(end, "c++", "releases the lock" + held(holds)(end));
    lock.unlock();
    const auto django_holds = story.hear(django, "holds the lock", waited(asks));
    django.tell("leave");
    story.hear(django, "leaves the with block", held(django_holds));
}

void run(const std::string& connection) {
    soci::session sql(soci::postgresql, connection);
    soci::session watcher(soci::postgresql, connection);
    example::introduce(sql, "c++");
    std::string database;
    sql << "select current_database()", soci::into(database);

    std::cout << "\"" << name
              << "\" in Python (django-pglocks) and C++ (pglocks::interop::django_pglocks) is the key "
              << to_sql(key) << ".\n\n";
    const example::timeline story;
    example::child django("django", {"/bin/sh", "-c", become_python, "django", DJANGO_PEER, database});
    python_first(sql, watcher, django, story);
    cpp_first(sql, watcher, django, story);
    django.tell("quit");
    if (django.wait() != EXIT_SUCCESS || !example::pg_locks(watcher, key).empty()) {
        throw std::runtime_error("Django was to end without an error, and no lock to be left");
    }
    std::cout << "\npg_locks, " << key << ": no rows. Nothing is left.\n";
}

} // namespace

int main(int argc, char** argv) {
    try {
        const std::string connection = example::connection_string(argc, argv);
        ::setenv("DATABASE_URL", connection.c_str(), 1); // for Python: an argument would show in ps
        example::catch_interruption();
        run(connection);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
