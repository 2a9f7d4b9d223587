// SPDX-License-Identifier: BSL-1.0
#include "support/child_process.hpp"

#include "support/descriptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <ostream>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pglocks::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

[[noreturn]] void throw_errno(int error, const std::string& what) {
    throw std::system_error(error, std::generic_category(), what);
}

struct pipe_ends {
    descriptor read;
    descriptor write;
};

pipe_ends make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw_errno(errno, "pipe2");
    return {descriptor(ends[0]), descriptor(ends[1])};
}

/// Appends what can be read now to the text; closes the descriptor at the end of the data.
void read_available(descriptor& from, std::string& text) {
    std::array<char, 65536> buffer; // read() fills it
    const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
    if (count > 0)
        text.append(buffer.data(), static_cast<std::size_t>(count));
    else if (count == 0 || errno != EINTR)
        from.close();
}

/// Writes all, without the SIGPIPE that would end a test program when the child has gone.
bool write_all(int to, std::string_view text) {
    sigset_t pipe_signal;
    sigset_t pending;
    sigset_t previous;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &previous);
    bool complete = true;
    while (complete && !text.empty()) {
        const ssize_t count = ::write(to, text.data(), text.size());
        if (count >= 0)
            text.remove_prefix(static_cast<std::size_t>(count));
        else
            complete = errno == EINTR;
    }
    if (!complete && sigismember(&pending, SIGPIPE) == 0) {
        const timespec now{};
        sigtimedwait(&pipe_signal, nullptr, &now);
    }
    pthread_sigmask(SIG_SETMASK, &previous, nullptr);
    return complete;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    for (auto& string : strings)
        pointers.push_back(string.data());
    pointers.push_back(nullptr);
    return pointers;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
    std::vector<std::string> strings;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        std::string string = *entry;
        if (!added.contains(string.substr(0, string.find('='))))
            strings.push_back(std::move(string));
    }
    for (const auto& [name, value] : added)
        strings.push_back(name + '=' + value);
    return strings;
}

/// What the new process is to be, prepared before fork().
struct image {
    std::vector<char*> arguments;
    std::vector<char*> environment;
    std::array<int, 3> standard_streams; // input, output, error
    int error_report;
    pid_t parent;
    bool dies_with_parent;
};

/// Runs between fork() and exec, where only async-signal-safe functions may be called.
[[noreturn]] void become(const image& image) noexcept {
    ::setpgid(0, 0);
    if (image.dies_with_parent) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != image.parent)
            ::_exit(127);
    }
    for (int signal = 1; signal < NSIG; ++signal)
        ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    bool ready = true;
    for (int stream = 0; stream < 3; ++stream)
        ready = ready && ::dup2(image.standard_streams[static_cast<std::size_t>(stream)], stream) == stream;
    if (ready)
        ::execvpe(image.arguments.front(), image.arguments.data(), image.environment.data());
    const int error = errno;
    [[maybe_unused]] const ssize_t count = ::write(image.error_report, &error, sizeof error);
    ::_exit(127);
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : " ") + word;
    return text;
}

} // namespace

std::ostream& operator<<(std::ostream& out, exit_status status) {
    if (status.signal != 0)
        return out << "ended by signal " << status.signal;
    return out << "exit code " << status.code;
}

struct child_process::state {
    std::vector<std::string> command;
    pid_t id = -1;
    pid_t parent = ::getpid();
    descriptor input;
    descriptor output;
    descriptor errors;
    std::string output_text;
    std::string errors_text;
    std::size_t lines_end = 0; // of the lines that were given out
    std::optional<exit_status> ended;

    explicit state(std::vector<std::string> arguments) : command(std::move(arguments)) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;

    ~state() {
        if (id <= 0 || ::getpid() != parent)
            return;
        ::kill(-id, SIGKILL);
        while (::waitpid(id, nullptr, 0) < 0 && errno == EINTR) {
        }
    }

    void spawn(const options& with) {
        auto environment = environment_with(with.environment);
        pipe_ends in = make_pipe();
        pipe_ends out = make_pipe();
        pipe_ends err = make_pipe();
        pipe_ends report = make_pipe();
        auto arguments = command;
        const image image{.arguments = pointers_to(arguments),
                          .environment = pointers_to(environment),
                          .standard_streams = {in.read.get(), out.write.get(), err.write.get()},
                          .error_report = report.write.get(),
                          .parent = parent,
                          .dies_with_parent = !with.outlives_parent && ::gettid() == parent};
        id = ::fork();
        if (id < 0)
            throw_errno(errno, "fork");
        if (id == 0)
            become(image);
        report.write.close();
        input = std::move(in.write);
        output = std::move(out.read);
        errors = std::move(err.read);
        int error = 0;
        ssize_t count = 0;
        while ((count = ::read(report.read.get(), &error, sizeof error)) < 0 && errno == EINTR) {
        }
        if (count > 0)
            throw_errno(error, "cannot start " + command.front());
    }

    /// Reads what the child prints until something came or the time is over. Answers whether something came.
    bool read_more(milliseconds at_most) {
        std::array<pollfd, 2> polled{pollfd{.fd = output.get(), .events = POLLIN, .revents = 0},
                                     pollfd{.fd = errors.get(), .events = POLLIN, .revents = 0}};
        if (::poll(polled.data(), polled.size(), static_cast<int>(at_most.count())) <= 0)
            return false;
        if (polled[0].revents != 0)
            read_available(output, output_text);
        if (polled[1].revents != 0)
            read_available(errors, errors_text);
        return true;
    }

    void read_the_rest() {
        while (read_more(milliseconds(0))) {
        }
    }

    bool has_ended() {
        siginfo_t info{};
        if (!ended && ::waitid(P_PID, static_cast<id_t>(id), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid == id) {
            ended = info.si_code == CLD_EXITED ? exit_status{.code = info.si_status, .signal = 0}
                                               : exit_status{.code = 0, .signal = info.si_status};
        }
        return ended.has_value();
    }

    [[noreturn]] void fail(const std::string& what) {
        read_the_rest();
        throw child_error(joined(command) + ": " + what + "\nits output: " + output_text +
                          "\nits errors: " + errors_text);
    }
};

child_process::child_process(std::vector<std::string> command)
    : child_process(std::move(command), options{}) {}

child_process::child_process(std::vector<std::string> command, const options& with)
    : state_(std::make_unique<state>(std::move(command))) {
    state_->spawn(with);
}

child_process::~child_process() = default;
child_process::child_process(child_process&& other) noexcept = default;
child_process& child_process::operator=(child_process&& other) noexcept = default;

pid_t child_process::id() const noexcept { return state_->id; }

void child_process::send_line(std::string_view text) {
    if (!state_->input.is_open() || !write_all(state_->input.get(), std::string(text) + '\n'))
        state_->fail("cannot be sent '" + std::string(text) + "': its standard input is closed");
}

void child_process::close_input() noexcept { state_->input.close(); }

std::string child_process::read_line(milliseconds deadline) {
    const auto end = steady_clock::now() + deadline;
    for (;;) {
        const auto begin = state_->lines_end;
        if (const auto newline = state_->output_text.find('\n', begin); newline != std::string::npos) {
            state_->lines_end = newline + 1;
            return state_->output_text.substr(begin, newline - begin);
        }
        const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
        if (!state_->output.is_open())
            state_->fail("its output ended where a line was expected");
        if (left <= milliseconds(0))
            state_->fail("no line came in " + std::to_string(deadline.count()) + " ms");
        state_->read_more(left);
    }
}

void child_process::expect_line(std::string_view expected, milliseconds deadline) {
    std::string line;
    try {
        line = read_line(deadline);
    } catch (const child_error& error) {
        throw child_error("expected the line '" + std::string(expected) + "'\n" + error.what());
    }
    if (line != expected)
        state_->fail("expected the line '" + std::string(expected) + "', not '" + line + "'");
}

void child_process::kill(int signal) noexcept { ::kill(state_->id, signal); }

bool child_process::running() { return !state_->has_ended(); }

exit_status child_process::wait(milliseconds deadline) {
    const auto end = steady_clock::now() + deadline;
    while (!state_->has_ended()) {
        const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
        if (left <= milliseconds(0))
            state_->fail("has not ended in " + std::to_string(deadline.count()) + " ms");
        // The end of a child that keeps its streams open, or has closed them before, wakes nobody.
        const bool open = state_->output.is_open() || state_->errors.is_open();
        state_->read_more(std::min(left, milliseconds(open ? 10 : 1)));
    }
    state_->read_the_rest();
    return *state_->ended;
}

const std::string& child_process::output() const noexcept { return state_->output_text; }
const std::string& child_process::errors() const noexcept { return state_->errors_text; }

completed_process run(std::vector<std::string> command, const child_process::options& with,
                      milliseconds deadline) {
    child_process child(std::move(command), with);
    child.close_input();
    const auto status = child.wait(deadline);
    return {.status = status, .output = child.output(), .errors = child.errors()};
}

} // namespace pglocks::test
