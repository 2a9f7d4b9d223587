// SPDX-License-Identifier: BSL-1.0
#include "timeline.hpp"

#include <cstdint>
#include <iomanip>
#include <iostream>
#include <stdexcept>

namespace example {

namespace {

[[nodiscard]] std::int64_t milliseconds(clock::duration time) {
    return std::chrono::round<std::chrono::milliseconds>(time).count();
}

} // namespace

timeline::timeline() { std::cout << "    ms  who       what\n"; }

void timeline::add(clock::time_point at, std::string_view who, std::string_view what) const {
    // At once, so that the reader sees the waits.
    std::cout << std::setw(6) << milliseconds(at - start_) << "  " << std::left << std::setw(8) << who
              << std::right << "  " << what << '\n'
              << std::flush;
}

clock::time_point timeline::hear(child& who, std::string_view expected, const remark& more) const {
    const event heard = who.listen();
    add(heard.at, who.name(), heard.text + (more ? more(heard.at) : ""));
    if (heard.text != expected) {
        throw std::runtime_error("this was to happen instead: " + who.name() + ' ' + std::string(expected));
    }
    return heard.at;
}

timeline::remark waited(clock::time_point since) {
    return [since](clock::time_point at) {
        return ", waited " + std::to_string(milliseconds(at - since)) + " ms";
    };
}

timeline::remark held(clock::time_point since) {
    return [since](clock::time_point at) {
        return ", held it for " + std::to_string(milliseconds(at - since)) + " ms";
    };
}

} // namespace example
