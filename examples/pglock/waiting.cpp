// SPDX-License-Identifier: BSL-1.0
#include "waiting.hpp"

#include "report.hpp"
#include "waiting_display.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace pglock {

namespace {

constexpr std::chrono::milliseconds before_the_first{300}; ///< a short wait needs no display
constexpr std::chrono::milliseconds between{1000};

} // namespace

waiting::waiting(const options& given, signal_queue& signals)
    : given_(given),
      signals_(signals),
      ended_(::eventfd(0, EFD_CLOEXEC), "no descriptor to end a wait with"),
      thread_([this] { run(); }) {}

int waiting::end() {
    if (thread_.joinable()) {
        const std::uint64_t one = 1;
        static_cast<void>(::write(ended_.get(), &one, sizeof one));
        thread_.join();
    }
    return signal_;
}

void waiting::run() {
    std::optional<waiting_display> display;
    if (::isatty(STDERR_FILENO) != 0) {
        display.emplace(given_);
    }
    auto pause = before_the_first;
    for (;;) {
        std::array<pollfd, 2> ready{{{ended_.get(), POLLIN, 0}, {signals_.descriptor_to_poll(), POLLIN, 0}}};
        const bool idle =
            ::poll(ready.data(), ready.size(), display ? static_cast<int>(pause.count()) : -1) == 0;
        if (ready[0].revents != 0) {
            return;
        }
        read_signals();
        if (idle && display && signal_ == 0) {
            display->refresh();
            pause = between;
        }
    }
}

void waiting::read_signals() {
    while (const auto signal = signals_.next()) {
        const int number = static_cast<int>(signal->ssi_signo);
        if (number == SIGTSTP) {
            ::raise(SIGSTOP);
        } else if (number != SIGCHLD && number != SIGCONT && signal_ == 0) {
            signal_ = number;
            stop_.request_stop();
        }
    }
}

} // namespace pglock
