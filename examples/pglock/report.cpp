// SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include "text.hpp"

#include <cstdio>
#include <exception>
#include <string>
#include <unistd.h>

namespace pglock {

void report(std::string_view text) noexcept {
    try {
        const std::string line = "pglock: " + printable(text) + '\n';
        std::string_view rest = line;
        while (!rest.empty()) {
            const auto written = ::write(STDERR_FILENO, rest.data(), rest.size());
            if (written <= 0) {
                return; // there is nobody left to tell
            }
            rest.remove_prefix(static_cast<std::size_t>(written));
        }
    } catch (const std::exception&) {
        std::fputs("pglock: out of memory\n", stderr);
    }
}

} // namespace pglock
