// SPDX-License-Identifier: BSL-1.0
#include "waiting.hpp"

#include <array>
#include <csignal>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace pglock {

waiting::waiting(const options& given, signal_queue& signals)
    : signals_(signals),
      ended_(::eventfd(0, EFD_CLOEXEC), "no descriptor to end a wait with") {
    if (::isatty(STDERR_FILENO) != 0) {
        display_.emplace(given);
    }
    thread_ = std::thread([this] { run(); });
}

int waiting::end() {
    display_.reset();
    if (thread_.joinable()) {
        const std::uint64_t one = 1;
        static_cast<void>(::write(ended_.get(), &one, sizeof one));
        thread_.join();
    }
    return signal_;
}

void waiting::run() {
    for (;;) {
        std::array<pollfd, 2> ready{{{ended_.get(), POLLIN, 0}, {signals_.descriptor_to_poll(), POLLIN, 0}}};
        ::poll(ready.data(), ready.size(), -1);
        if (ready[0].revents != 0) {
            return;
        }
        read_signals();
    }
}

void waiting::read_signals() {
    while (const auto signal = signals_.next()) {
        const int number = static_cast<int>(signal->ssi_signo);
        if (is_ignored(number)) {
            continue;
        }
        if (number == SIGTSTP) {
            ::raise(SIGSTOP);
        } else if (number != SIGCHLD && number != SIGCONT && signal_ == 0) {
            signal_ = number;
            stop_.request_stop();
        }
    }
}

} // namespace pglock
