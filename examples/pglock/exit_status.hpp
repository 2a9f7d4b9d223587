// SPDX-License-Identifier: BSL-1.0
#pragma once

/// The exit statuses of pglock's own, beside those of the command. From sysexits.h, where one fits.
namespace pglock::exit_status {

constexpr int success = 0;
constexpr int conflict = 1;       ///< the lock is held by somebody else, unless -E says otherwise
constexpr int usage = 64;         ///< EX_USAGE: the command line makes no sense
constexpr int unavailable = 69;   ///< EX_UNAVAILABLE: no connection, or one on which a lock protects nothing
constexpr int internal = 70;      ///< EX_SOFTWARE: this program is broken
constexpr int system = 71;        ///< EX_OSERR: no process, no memory, no descriptor
constexpr int failed = 75;        ///< EX_TEMPFAIL: the server answered with an error, for instance a deadlock
constexpr int lost = 76;          ///< EX_PROTOCOL: the lock was lost while the command ran
constexpr int cannot_run = 126;   ///< as in shells: the command exists, but cannot be run
constexpr int not_found = 127;    ///< as in shells: there is no such command
constexpr int first_signal = 128; ///< as in shells: 128 + the number of the signal that ended the command

} // namespace pglock::exit_status
