// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/eventually.hpp"

#include <chrono>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace pglocks::test {

/// How a process ended: by returning a code, or by a signal.
struct exit_status {
    int code = 0;
    int signal = 0; ///< 0: it was not ended by a signal

    friend bool operator==(const exit_status&, const exit_status&) = default;
};

std::ostream& operator<<(std::ostream& out, exit_status status);

/// A child process did not do what was waited for; the message has all it has printed.
class child_error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A program run as a child, with its standard input, output and error captured by pipes.
///
/// It is always a program that is run, never a function of this process: after fork() a process with threads
/// may only call what a signal handler may, and the sanitizers and libpq start threads and hold locks. A
/// function of the test program that has to be a process of its own is a child_role.
///
/// The child leads a process group of its own, and begins with default signal handling. A child started by
/// the main thread is killed when this process ends, whatever ends it (PR_SET_PDEATHSIG, which is about the
/// thread that started the child: prctl(2)); one started by another thread sees the end of its standard
/// input.
///
/// One thread at a time may use an object. Destruction kills the whole group and reaps the child, which until
/// then is a zombie if it has ended, so that its id stays its own. A process that fork() made of this one
/// kills nothing.
class child_process {
public:
    struct options {
        std::map<std::string, std::string> environment = {}; ///< added to this process's environment
        bool outlives_parent = false;                        ///< not killed when this process ends
    };

    /// Starts the program command[0], looked up in PATH, with the arguments command[1] and so on.
    /// *Throws*: std::system_error, with the name of the program, if it cannot be started.
    explicit child_process(std::vector<std::string> command);
    child_process(std::vector<std::string> command, const options& with);
    ~child_process();
    child_process(child_process&& other) noexcept;
    child_process& operator=(child_process&& other) noexcept;

    [[nodiscard]] pid_t id() const noexcept;

    /// Writes the text and a newline to the child's standard input.
    /// *Throws*: child_error, if the child has closed it.
    void send_line(std::string_view text);

    /// Closes the child's standard input.
    void close_input() noexcept;

    /// The next line of the child's standard output, without its newline.
    /// *Throws*: child_error, if none comes before the deadline or the end of the output.
    [[nodiscard]] std::string read_line(std::chrono::milliseconds deadline = default_deadline);

    /// Reads the next line of the child's standard output.
    /// *Throws*: child_error, if it is another, or as read_line().
    void expect_line(std::string_view expected, std::chrono::milliseconds deadline = default_deadline);

    /// Sends a signal to the child, not to its group.
    void kill(int signal) noexcept;

    /// Whether the child has not ended.
    [[nodiscard]] bool running();

    /// Waits for the end of the child, reading what it prints.
    /// *Throws*: child_error, if it has not ended before the deadline; it then runs on.
    exit_status wait(std::chrono::milliseconds deadline = default_deadline);

    /// What the child has printed, as far as it was read while waiting: all of it after wait().
    [[nodiscard]] const std::string& output() const noexcept;
    [[nodiscard]] const std::string& errors() const noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

/// What a program left behind that has ended.
struct completed_process {
    exit_status status;
    std::string output;
    std::string errors;
};

/// Runs a program to its end, with an empty standard input.
/// *Throws*: as child_process and its wait().
[[nodiscard]] completed_process run(std::vector<std::string> command, const child_process::options& with = {},
                                    std::chrono::milliseconds deadline = default_deadline);

} // namespace pglocks::test
