// SPDX-License-Identifier: BSL-1.0
// A program of two units, or of one and a shared library, each of which uses pglocks. Exits with 0 if both
// agree.
#include <pglocks/pglocks.hpp>

#include "reports.hpp"

#include <cstdlib>
#include <iostream>

namespace {

void to_nobody(const pglocks::lock_error&) noexcept {}

bool is_caught_by_its_type() {
    try {
        reports::write();
    } catch (const pglocks::refused& error) {
        std::cout << error.what() << '\n';
        return true;
    }
    return false;
}

bool is_true(bool condition, const char* what) {
    if (!condition) {
        std::cerr << "not true: " << what << '\n';
    }
    return condition;
}

} // namespace

int main() {
    const pglocks::advisory_lock lock;
    pglocks::set_release_failure_handler(&to_nobody);
    const bool good = is_true(!lock.owns_lock(), "a new lock owns nothing") &&
                      is_true(reports::key() == pglocks::key_of("nightly-report"), "the keys are the same") &&
                      is_true(reports::replace_handler() == &to_nobody, "there is one handler") &&
                      is_true(is_caught_by_its_type(), "an exception is caught by its type");
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
