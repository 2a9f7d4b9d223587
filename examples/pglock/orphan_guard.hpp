// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/postgres/descriptor.hpp>

#include <sys/types.h>

namespace pglock {

/// A small process that kills a process group when pglock has ended without a word, as by SIGKILL: its lock
/// is gone then, and what it ran must not go on without.
///
/// It is in a session of its own, so that what ends pglock's own group does not end it, and has no descriptor
/// but a socket, of which it reads the end.
class orphan_guard {
public:
    /// *Throws*: `std::system_error` without a process or a socket.
    explicit orphan_guard(pid_t group);
    orphan_guard(const orphan_guard&) = delete;
    orphan_guard& operator=(const orphan_guard&) = delete;
    /// Sends it away.
    ~orphan_guard();

private:
    pglocks::postgres::descriptor word_;
    pid_t process_ = -1;
};

} // namespace pglock
