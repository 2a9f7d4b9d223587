// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <ostream>

namespace pglocks::test {

/// The calls by which libpq and pglocks use a connection's socket.
enum class socket_call : std::uint8_t { connect, send, recv, poll };

/// What one of these calls may meet with; a connect with nothing that is harmless.
enum class socket_fault : std::uint8_t {
    interrupted,   ///< EINTR, and nothing was done: harmless
    would_block,   ///< EAGAIN, and nothing was done: harmless (a poll: EINTR)
    short_count,   ///< one byte is sent or received: harmless (a poll: EINTR)
    out_of_memory, ///< ENOMEM, and nothing was done; a send: ENOBUFS, and the connection is broken
    reset,     ///< ECONNRESET, and the connection is broken (a poll finds it broken; a connect is refused)
    closed,    ///< EPIPE, or the end of the data, and the connection is broken (as above)
    timed_out, ///< ETIMEDOUT, and the connection is broken at this end: the server does not notice
};

inline constexpr std::array socket_faults{socket_fault::interrupted, socket_fault::would_block,
                                          socket_fault::short_count, socket_fault::out_of_memory,
                                          socket_fault::reset,       socket_fault::closed,
                                          socket_fault::timed_out};

/// Whether a program that treats the call as its manual page says goes on as if nothing had happened.
[[nodiscard]] constexpr bool is_harmless(socket_fault fault) noexcept {
    return fault <= socket_fault::short_count;
}

std::ostream& operator<<(std::ostream& out, socket_call call);
std::ostream& operator<<(std::ostream& out, socket_fault fault);

/// This program's own connect(), send(), recv() and poll(), which libpq calls instead of the C library's.
///
/// They fail one call, the k-th on any socket that is not spared. The program must export its symbols
/// (Meson: `export_dynamic`), or libpq does not find them. All functions are safe from any thread.
namespace failing_sockets {

/// From now on calls are counted; the k-th, from 1, meets with the fault.
void arm(socket_fault fault, unsigned k);

/// Whether a call was failed since arm().
[[nodiscard]] bool has_failed();

/// Calls are neither counted nor failed any more.
/// \returns the call that was failed, if there was one.
std::optional<socket_call> disarm();

/// Calls on the sockets that are open now are never counted nor failed. *Requires*: they stay open.
void spare_open_sockets();

/// The server notices now that its clients, whose connections have timed out, are gone.
void close_timed_out();

/// While it lives, calls are neither counted nor failed.
class truce {
public:
    truce();
    ~truce();
    truce(const truce&) = delete;
    truce& operator=(const truce&) = delete;
};

} // namespace failing_sockets

} // namespace pglocks::test
