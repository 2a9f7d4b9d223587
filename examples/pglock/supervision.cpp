// SPDX-License-Identifier: BSL-1.0
#include "supervision.hpp"

#include "report.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <poll.h>
#include <set>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace pglock {

supervision::supervision(const options& given, command& child, signal_queue& signals, std::stop_token lost)
    : given_(given),
      child_(child),
      signals_(signals),
      loss_(::eventfd(0, EFD_CLOEXEC), "no descriptor to hear of a loss with"),
      on_stop_(std::move(lost), [descriptor = loss_.get()] {
          const std::uint64_t one = 1;
          static_cast<void>(::write(descriptor, &one, sizeof one));
      }) {}

bool supervision::run() {
    while (!child_.collect()) {
        std::array<pollfd, 2> ready{{{signals_.descriptor_to_poll(), POLLIN, 0}, {loss_.get(), POLLIN, 0}}};
        if (loss_seen_) {
            ready[1].fd = -1; // poll looks at it no more
        }
        ::poll(ready.data(), ready.size(), milliseconds_to_wait());
        read_signals();
        if (ready[1].revents != 0 && !child_.collect()) {
            on_loss();
        }
        kill_if_due();
    }
    if (is_ending_it_) {
        wait_for_the_group();
    }
    return is_ending_it_;
}

void supervision::pass_on(const signalfd_siginfo& signal) {
    const int number = static_cast<int>(signal.ssi_signo);
    if (number == SIGCHLD) {
        return;
    }
    // The terminal has signalled the command, too, but for a hangup, of which it tells the session's leader
    // alone.
    const bool is_told = signal.ssi_code == SI_KERNEL && (number != SIGHUP || ::getsid(0) != ::getpid());
    if (child_.leads_group() || !is_told) {
        child_.send(number);
        for (const pid_t orphan : child_.orphans()) {
            ::kill(orphan, number);
        }
    }
    if (number == SIGTSTP && !is_ignored(number)) {
        ::raise(SIGSTOP);
    }
}

void supervision::on_loss() {
    loss_seen_ = true;
    const std::string what = lock_text(given_) + " is lost: the connection to the server has ended; ";
    if (!given_.end_on_loss) {
        report(what + "the command runs on without it (--on-loss ignore)");
        return;
    }
    report(what + "the command gets SIGTERM, and after " + duration_text(given_.grace) + " SIGKILL");
    is_ending_it_ = true;
    child_.send(SIGTERM);
    child_.send(SIGCONT); // it could not obey while it is stopped
    kill_at_ = clock::now() + std::chrono::duration_cast<clock::duration>(
                                  std::min(given_.grace, seconds(std::chrono::hours(24 * 365))));
}

void supervision::kill_if_due() {
    if (kill_at_ && clock::now() >= *kill_at_) {
        child_.send(SIGKILL);
        kill_at_.reset();
    }
}

/// What the command has started must not go on without the lock either.
void supervision::wait_for_the_group() {
    constexpr int look_again = 20; // milliseconds
    constexpr int most_generations = 100;
    std::set<pid_t> told;
    for (int killed = 0; killed < most_generations;) {
        const auto orphans = child_.orphans();
        if (orphans.empty() && !child_.left_others()) {
            return;
        }
        const bool is_due = !kill_at_;
        for (const pid_t orphan : orphans) {
            if (told.insert(orphan).second) {
                ::kill(orphan, SIGTERM);
                ::kill(orphan, SIGCONT);
            } else if (is_due) {
                ::kill(orphan, SIGKILL);
            }
        }
        if (is_due && child_.leads_group()) {
            child_.send(SIGKILL);
            return;
        }
        killed += is_due ? 1 : 0;
        pollfd signals{signals_.descriptor_to_poll(), POLLIN, 0};
        ::poll(&signals, 1, look_again);
        read_signals();
        static_cast<void>(child_.collect());
        kill_if_due();
    }
}

void supervision::read_signals() {
    while (const auto signal = signals_.next()) {
        pass_on(*signal);
    }
}

int supervision::milliseconds_to_wait() const {
    if (!kill_at_) {
        return -1;
    }
    constexpr long long most = 60'000;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*kill_at_ - clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, most));
}

} // namespace pglock
