// SPDX-License-Identifier: BSL-1.0
#include "waiting_display.hpp"

#include <pglocks/inspect.hpp>

#include "connect.hpp"
#include "list.hpp"
#include "text.hpp"

#include <exception>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace pglock {

namespace {

constexpr std::string_view clear_line = "\r\033[K";

[[nodiscard]] std::size_t columns() noexcept {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U : 79U;
}

void show(const std::string& text) { static_cast<void>(::write(STDERR_FILENO, text.data(), text.size())); }

} // namespace

waiting_display::~waiting_display() {
    if (is_shown_) {
        static_cast<void>(::write(STDERR_FILENO, clear_line.data(), clear_line.size()));
    }
}

void waiting_display::refresh() {
    const std::string who = in_the_way();
    const std::string waited = duration_text(std::chrono::steady_clock::now() - since_);
    // A terminal has 80 columns: what matters most comes first, and the key is left out.
    const std::string what = given_.name.empty() ? lock_text(given_) : '"' + given_.name + '"';
    const std::string line = "waiting " + waited + " for " + what + ", " + who;
    show(std::string(clear_line) + cut_to(printable(line), columns()));
    is_shown_ = true;
}

std::string waiting_display::in_the_way() {
    try {
        if (!session_) {
            session_ = open_session(given_);
        }
        const auto holders = pglocks::holders(*session_, *given_.key);
        if (holders.empty()) {
            return "nobody holds it at the moment";
        }
        std::string text = "held by " + owner_text(holders.front());
        if (holders.size() > 1) {
            text += " and " + std::to_string(holders.size() - 1) + " more";
        }
        return text;
    } catch (const std::exception& error) {
        session_.reset();
        return "who holds it is not known (" + message_of(error, given_) + ')';
    }
}

} // namespace pglock
