// SPDX-License-Identifier: BSL-1.0
#include "orphan_guard.hpp"

#include <cerrno>
#include <csignal>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace pglock {

namespace {

/// Between fork and the end nothing but system calls: the other threads' locks are in no known state.
[[noreturn]] void guard(pid_t group, int socket) noexcept {
    ::setsid();
    ::prctl(PR_SET_NAME, "pglock-guard");
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::dup2(socket, STDIN_FILENO);
    ::closefrom(STDIN_FILENO + 1); // pglock's connection, too, which ends with it alone
    static_cast<void>(::chdir("/"));
    char word = 0;
    ssize_t size = 0;
    do {
        size = ::read(STDIN_FILENO, &word, 1);
    } while (size < 0 && errno == EINTR);
    if (size == 0) {
        ::kill(-group, SIGKILL);
    }
    ::_exit(0);
}

} // namespace

orphan_guard::orphan_guard(pid_t group) {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw std::system_error(errno, std::generic_category(), "no socket");
    }
    const pglocks::postgres::descriptor read_end(ends[0], "");
    word_ = pglocks::postgres::descriptor(ends[1], "");
    process_ = ::fork();
    if (process_ == 0) {
        guard(group, read_end.get());
    }
    if (process_ < 0) {
        throw std::system_error(errno, std::generic_category(), "no process");
    }
}

orphan_guard::~orphan_guard() {
    static_cast<void>(::send(word_.get(), "", 1, MSG_NOSIGNAL)); // it may have been killed
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

} // namespace pglock
