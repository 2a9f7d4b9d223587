// SPDX-License-Identifier: BSL-1.0
#include "waiting_display.hpp"

#include <pglocks/inspect.hpp>

#include "connect.hpp"
#include "list.hpp"
#include "text.hpp"

#include <soci/soci.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace pglock {

namespace {

constexpr std::chrono::milliseconds before_the_first{300}; ///< a short wait needs no display
constexpr std::chrono::milliseconds between{1000};
constexpr std::string_view clear_line = "\r\033[K";

[[nodiscard]] std::size_t columns() noexcept {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U : 79U;
}

[[nodiscard]] std::string in_the_way(std::unique_ptr<soci::session>& session, const options& given) {
    try {
        if (!session) {
            session = open_session(given);
        }
        const auto holders = pglocks::holders(*session, *given.key);
        if (holders.empty()) {
            return "nobody holds it at the moment";
        }
        std::string text = "held by " + owner_text(holders.front());
        if (holders.size() > 1) {
            text += " and " + std::to_string(holders.size() - 1) + " more";
        }
        return text;
    } catch (const std::exception& error) {
        session.reset();
        return "who holds it is not known (" + message_of(error, given) + ')';
    }
}

[[noreturn]] void show_for_ever(const options& given, int shown) {
    const auto since = std::chrono::steady_clock::now();
    // A terminal has 80 columns: what matters most comes first, and the key is left out.
    const std::string what = given.name.empty() ? lock_text(given) : '"' + given.name + '"';
    std::unique_ptr<soci::session> session;
    std::this_thread::sleep_for(before_the_first);
    for (;;) {
        const std::string who = in_the_way(session, given);
        const std::string waited = duration_text(std::chrono::steady_clock::now() - since);
        std::string line = printable("waiting " + waited + " for " + what + ", " + who);
        line = std::string(clear_line) + cut_to(line, columns());
        const std::uint64_t one = 1;
        static_cast<void>(::write(shown, &one, sizeof one));
        static_cast<void>(::write(STDERR_FILENO, line.data(), line.size()));
        std::this_thread::sleep_for(between);
    }
}

/// The process of the display. It keeps nothing open of pglock's, whose connection must end with pglock.
[[noreturn]] void display(const options& given, int shown, pid_t parent) noexcept {
    ::prctl(PR_SET_NAME, "pglock-display");
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    constexpr int kept = STDERR_FILENO + 1;
    ::dup2(shown, kept);
    ::closefrom(kept + 1);
    try {
        if (::getppid() == parent) {
            show_for_ever(given, kept);
        }
    } catch (const std::exception&) { // there is no memory for a display
    }
    ::_exit(0);
}

[[nodiscard]] pid_t start_display(const options& given, int shown) {
    const pid_t parent = ::getpid();
    const pid_t process = ::fork();
    if (process == 0) {
        display(given, shown, parent);
    }
    if (process < 0) {
        throw std::system_error(errno, std::generic_category(), "no process");
    }
    return process;
}

} // namespace

waiting_display::waiting_display(const options& given)
    : shown_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "no descriptor for a display"),
      process_(start_display(given, shown_.get())) {}

waiting_display::~waiting_display() {
    ::kill(process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
    std::uint64_t times = 0;
    if (::read(shown_.get(), &times, sizeof times) == sizeof times) {
        static_cast<void>(::write(STDERR_FILENO, clear_line.data(), clear_line.size()));
    }
}

} // namespace pglock
