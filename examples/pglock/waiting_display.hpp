// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

#include <soci/soci.h>

#include <chrono>
#include <memory>
#include <string>

namespace pglock {

/// One line on a terminal, refreshed in place: how long pglock has waited, and for whom.
class waiting_display {
public:
    explicit waiting_display(const options& given) : given_(given) {}
    waiting_display(const waiting_display&) = delete;
    waiting_display& operator=(const waiting_display&) = delete;
    /// Takes the line away.
    ~waiting_display();

    void refresh();

private:
    [[nodiscard]] std::string in_the_way();

    const options& given_;
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
    std::unique_ptr<soci::session> session_{};
    bool is_shown_ = false;
};

} // namespace pglock
