// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/postgres/descriptor.hpp>

#include "options.hpp"

#include <sys/types.h>

namespace pglock {

/// One line on a terminal, refreshed in place: how long pglock has waited, and for whom.
///
/// A process of its own shows it, on a connection of its own made when the wait has lasted a moment: it can
/// be ended at once, whatever a server or a network makes it wait for.
class waiting_display {
public:
    /// *Requires*: this process has one thread. *Throws*: `std::system_error` without a process or a
    /// descriptor.
    explicit waiting_display(const options& given);
    waiting_display(const waiting_display&) = delete;
    waiting_display& operator=(const waiting_display&) = delete;
    /// Ends the process and takes the line away.
    ~waiting_display();

private:
    pglocks::postgres::descriptor shown_; ///< an eventfd: whether there is a line
    pid_t process_;
};

} // namespace pglock
