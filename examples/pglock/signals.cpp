// SPDX-License-Identifier: BSL-1.0
#include "signals.hpp"

#include "exit_status.hpp"

#include <sys/prctl.h>
#include <unistd.h>

namespace pglock {

signal_queue::signal_queue(bool stops) {
    sigset_t taken;
    sigemptyset(&taken);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD}) {
        sigaddset(&taken, signal);
    }
    if (stops) {
        sigaddset(&taken, SIGTSTP);
        sigaddset(&taken, SIGCONT);
    }
    queue_ = pglocks::postgres::descriptor(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK),
                                           "no descriptor for signals");
    ::pthread_sigmask(SIG_BLOCK, &taken, &before_);
}

signal_queue::~signal_queue() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::optional<signalfd_siginfo> signal_queue::next() noexcept {
    signalfd_siginfo info{};
    return ::read(queue_.get(), &info, sizeof info) == sizeof info ? std::optional(info) : std::nullopt;
}

bool is_ignored(int signal) noexcept {
    struct sigaction now{};
    return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

void die_of(int signal) noexcept {
    ::prctl(PR_SET_DUMPABLE, 0);
    std::signal(signal, SIG_DFL); // NOLINT(bugprone-signal-handler)
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, signal);
    ::raise(signal);
    ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
    ::_exit(exit_status::first_signal + signal);
}

} // namespace pglock
