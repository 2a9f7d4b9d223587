// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/child_process.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pglocks::test {

/// A function of the test program that runs as a process of its own.
///
/// The program is run anew (/proc/self/exe), and its main() calls the function instead of the tests:
/// \code
/// const child_role holder("holder", [](const std::vector<std::string>& arguments) { ...; return 0; });
///
/// TEST(...) { child_process child = holder.start({server.conninfo()}); child.expect_line("held"); }
/// \endcode
/// A role is a variable at namespace scope. Its function talks to the test through std::cin and std::cout.
class child_role {
public:
    /// Returns the exit code of the process.
    using function = int (*)(const std::vector<std::string>& arguments);

    /// *Requires*: the name is unique in the program.
    child_role(std::string name, function body);

    /// Starts a process in this role.
    [[nodiscard]] child_process start(const std::vector<std::string>& arguments = {},
                                      const child_process::options& with = {}) const;

private:
    std::string name_;
};

/// Called by main(): plays the role this process was started for.
/// \returns its exit code, or nothing if the process was not started for a role.
std::optional<int> play_requested_role(int argc, const char* const* argv);

} // namespace pglocks::test
