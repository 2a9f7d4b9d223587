// SPDX-License-Identifier: BSL-1.0
#include "socket_faults/failing_sockets.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <filesystem>
#include <mutex>
#include <poll.h>
#include <span>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pglocks::test {

std::ostream& operator<<(std::ostream& out, socket_call call) {
    constexpr std::array names{"connect", "send", "recv", "poll"};
    return out << names.at(static_cast<std::size_t>(call));
}

std::ostream& operator<<(std::ostream& out, socket_fault fault) {
    constexpr std::array names{"interrupted", "would_block", "short_count", "out_of_memory",
                               "reset",       "closed",      "timed_out"};
    return out << names.at(static_cast<std::size_t>(fault));
}

namespace {

struct {
    std::mutex mutex;
    bool armed = false;
    int truces = 0;
    socket_fault fault{};
    unsigned left = 0; ///< calls until the one that fails, that one included
    std::optional<socket_call> failed;
    std::vector<int> spared;
    std::vector<int> timed_out; ///< the server's ends are still connected to these
} plan;

[[nodiscard]] bool is_socket(int descriptor) {
    struct stat info{};
    return descriptor >= 0 && ::fstat(descriptor, &info) == 0 && S_ISSOCK(info.st_mode);
}

/// What this call is to meet with, if it is the one to fail.
[[nodiscard]] std::optional<socket_fault> fate_of(socket_call call, int socket) {
    const std::lock_guard guard(plan.mutex);
    if (!plan.armed || plan.truces > 0 || plan.left == 0 || !is_socket(socket) ||
        (call == socket_call::connect && is_harmless(plan.fault)) ||
        std::ranges::find(plan.spared, socket) != plan.spared.end() || --plan.left > 0) {
        return std::nullopt;
    }
    plan.failed = call;
    return plan.fault;
}

/// Puts a socket in the place of this one whose other end is closed.
void break_connection(int socket, bool server_notices) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
        std::abort();
    }
    if (!server_notices) {
        const std::lock_guard guard(plan.mutex);
        plan.timed_out.push_back(::dup(socket));
    }
    ::close(ends[1]);
    ::dup3(ends[0], socket, O_CLOEXEC);
    ::close(ends[0]);
}

int fails_with(int error) {
    errno = error;
    return -1;
}

template <class Function>
[[nodiscard]] Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name)); // NOLINT: what dlsym is for
}

} // namespace

namespace failing_sockets {

void arm(socket_fault fault, unsigned k) {
    const std::lock_guard guard(plan.mutex);
    plan.armed = true;
    plan.fault = fault;
    plan.left = k;
    plan.failed.reset();
}

bool has_failed() {
    const std::lock_guard guard(plan.mutex);
    return plan.failed.has_value();
}

std::optional<socket_call> disarm() {
    const std::lock_guard guard(plan.mutex);
    plan.armed = false;
    return std::exchange(plan.failed, std::nullopt);
}

void spare_open_sockets() {
    const std::lock_guard guard(plan.mutex);
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        if (const int descriptor = std::stoi(entry.path().filename()); is_socket(descriptor)) {
            plan.spared.push_back(descriptor);
        }
    }
}

void close_timed_out() {
    const std::lock_guard guard(plan.mutex);
    for (const int socket : std::exchange(plan.timed_out, {})) {
        ::close(socket);
    }
}

truce::truce() {
    const std::lock_guard guard(plan.mutex);
    ++plan.truces;
}

truce::~truce() {
    const std::lock_guard guard(plan.mutex);
    --plan.truces;
}

} // namespace failing_sockets

} // namespace pglocks::test

using namespace pglocks::test;

extern "C" {

// By their symbols, since glibc's declarations name the parameters otherwise.
int failing_connect(int socket, const sockaddr* address, socklen_t length) __asm__("connect");
ssize_t failing_send(int socket, const void* data, size_t size, int flags) __asm__("send");
ssize_t failing_recv(int socket, void* data, size_t size, int flags) __asm__("recv");
int failing_poll(pollfd* entries, nfds_t count, int timeout) __asm__("poll");

int failing_connect(int socket, const sockaddr* address, socklen_t length) {
    static auto* const real = next<int(int, const sockaddr*, socklen_t)>("connect");
    const auto fate = fate_of(socket_call::connect, socket);
    if (!fate) {
        return real(socket, address, length);
    }
    switch (*fate) {
    case socket_fault::out_of_memory:
        return fails_with(ENOMEM);
    case socket_fault::timed_out:
        return fails_with(ETIMEDOUT);
    default:
        return fails_with(ECONNREFUSED);
    }
}

ssize_t failing_send(int socket, const void* data, size_t size, int flags) {
    static auto* const real = next<ssize_t(int, const void*, size_t, int)>("send");
    const auto fate = fate_of(socket_call::send, socket);
    if (!fate) {
        return real(socket, data, size, flags);
    }
    if (!is_harmless(*fate)) {
        break_connection(socket, *fate != socket_fault::timed_out);
    }
    switch (*fate) {
    case socket_fault::interrupted:
        return fails_with(EINTR);
    case socket_fault::would_block:
        return fails_with(EAGAIN);
    case socket_fault::out_of_memory:
        return fails_with(ENOBUFS);
    case socket_fault::reset:
        return fails_with(ECONNRESET);
    case socket_fault::closed:
        return fails_with(EPIPE);
    case socket_fault::timed_out:
        return fails_with(ETIMEDOUT);
    default:
        return real(socket, data, std::min<size_t>(size, 1), flags);
    }
}

ssize_t failing_recv(int socket, void* data, size_t size, int flags) {
    static auto* const real = next<ssize_t(int, void*, size_t, int)>("recv");
    const auto fate = fate_of(socket_call::recv, socket);
    if (!fate) {
        return real(socket, data, size, flags);
    }
    if (!is_harmless(*fate) && *fate != socket_fault::out_of_memory) {
        break_connection(socket, *fate != socket_fault::timed_out);
    }
    switch (*fate) {
    case socket_fault::interrupted:
        return fails_with(EINTR);
    case socket_fault::would_block:
        return fails_with(EAGAIN);
    case socket_fault::out_of_memory:
        return fails_with(ENOMEM);
    case socket_fault::reset:
        return fails_with(ECONNRESET);
    case socket_fault::closed:
        return 0;
    case socket_fault::timed_out:
        return fails_with(ETIMEDOUT);
    default:
        return real(socket, data, std::min<size_t>(size, 1), flags);
    }
}

int failing_poll(pollfd* entries, nfds_t count, int timeout) {
    static auto* const real = next<int(pollfd*, nfds_t, int)>("poll");
    const std::span all(entries, count);
    const auto first = std::ranges::find_if(all, [](const pollfd& entry) { return is_socket(entry.fd); });
    const auto fate = first == all.end() ? std::nullopt : fate_of(socket_call::poll, first->fd);
    if (!fate) {
        return real(entries, count, timeout);
    }
    if (is_harmless(*fate)) {
        return fails_with(EINTR);
    }
    if (*fate == socket_fault::out_of_memory) {
        return fails_with(ENOMEM);
    }
    break_connection(first->fd, *fate != socket_fault::timed_out);
    return real(entries, count, timeout);
}

} // extern "C"
