// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/child_process.hpp"

#include <string>

namespace pglocks::test {

/// The interpreter that has django_pglocks: /usr/bin/python3, where Debian's package puts it, or else python3
/// in PATH. *Throws*: std::runtime_error that says what to install, if neither has.
[[nodiscard]] const std::string& python_with_django_pglocks();

/// A live Django process that takes locks through django_pglocks (tests/support/django_peer.py has the
/// commands).
class django_peer {
public:
    /// \param conninfo leads to the database with the alias default, \param other to the one called other.
    explicit django_peer(const std::string& conninfo, const std::string& other);
    explicit django_peer(const std::string& conninfo) : django_peer(conninfo, conninfo) {}

    /// Enters `with advisory_lock(...)` and waits until it is held.
    /// \param lock name and options, for example "test", "(1, -2) shared", "\"two words\" using other".
    /// *Throws*: child_error, with the peer's answer, if it is not held.
    void lock(const std::string& lock);

    /// Begins to wait for a lock that somebody else holds: returns when the peer is about to ask for it. The
    /// answer is expected later, by process().expect_line("held").
    void begin_lock(const std::string& lock);

    /// Enters `with advisory_lock(..., wait=False)`.
    /// \param lock as in lock(), without \p using
    /// \returns whether it is held.
    [[nodiscard]] bool try_lock(const std::string& lock, const std::string& alias = "default");

    /// Leaves the innermost context manager.
    void unlock();

    /// Leaves the innermost context manager by an exception.
    void raise();

    /// Sends a command, and returns the next line that the peer answers.
    [[nodiscard]] std::string ask(const std::string& command);

    [[nodiscard]] child_process& process() noexcept { return process_; }

private:
    child_process process_;
};

} // namespace pglocks::test
