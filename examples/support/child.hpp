// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace example {

using clock = std::chrono::steady_clock;

/// No step of an example takes longer, unless something is wrong.
inline constexpr std::chrono::seconds patience{30};

/// What a child process said, and when. The clock is the machine's: all its processes read the same one.
struct event {
    clock::time_point at;
    std::string text;
};

/// A program started as a child. It says what it does on its standard output, a line each: the steady clock's
/// nanoseconds and a text. It goes on when a line comes on its standard input.
class child {
public:
    child(std::string name, std::vector<std::string> command);
    ~child(); ///< A child that still runs is killed.
    child(const child&) = delete;
    child& operator=(const child&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// The next thing it says. *Throws*: std::runtime_error, if it ends or stays silent instead.
    [[nodiscard]] event listen();

    /// Writes a line to its standard input.
    void tell(std::string_view line);

    /// Waits for its end: the status as waitpid() gives it.
    [[nodiscard]] int wait();

private:
    std::string name_;
    std::string unread_;
    int socket_ = -1;
    pid_t pid_ = -1;
};

/// The other end: a child written in C++ says `text`, and waits for a line.
void say(std::string_view text);
void wait_for_cue();

} // namespace example
