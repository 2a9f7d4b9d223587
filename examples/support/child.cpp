// SPDX-License-Identifier: BSL-1.0
#include "child.hpp"

#include "interruption.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <poll.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace example {

namespace {

/// How often a wait looks whether it was interrupted or has lasted too long.
constexpr int look_up_ms = 50;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

child::child(std::string name, std::vector<std::string> command) : name_(std::move(name)) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (std::string& word : command) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);

    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        fail("socketpair");
    }
    socket_ = ends[0];
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        // Nobody is left behind, whatever ends the parent; it may have ended already.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() == parent) {
            ::dup2(ends[1], STDIN_FILENO);
            ::dup2(ends[1], STDOUT_FILENO);
            ::execv(arguments[0], arguments.data());
        }
        ::_exit(127);
    }
    ::close(ends[1]);
    if (pid_ < 0) {
        ::close(socket_);
        fail("fork");
    }
}

child::~child() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ::close(socket_);
}

event child::listen() {
    const auto deadline = clock::now() + patience;
    std::size_t end = 0;
    while ((end = unread_.find('\n')) == std::string::npos) {
        stop_if_interrupted();
        if (clock::now() > deadline) {
            throw std::runtime_error(name_ +
                                     " says nothing: does it wait for a lock that somebody else holds?");
        }
        pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
        if (::poll(&readable, 1, look_up_ms) <= 0) {
            continue;
        }
        char buffer[512];
        const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
        if (size <= 0) {
            const int status = wait(); // Ctrl-C reaches the children, too, and perhaps first
            if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM)) {
                throw std::runtime_error("interrupted");
            }
            throw std::runtime_error(name_ + " has ended before its time: what it said last stands above");
        }
        unread_.append(buffer, static_cast<std::size_t>(size));
    }
    const std::string line = unread_.substr(0, end);
    unread_.erase(0, end + 1);

    std::int64_t nanoseconds = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), nanoseconds);
    if (error != std::errc() || *rest != ' ') {
        throw std::runtime_error(name_ + " said without a time: " + line);
    }
    return {clock::time_point(std::chrono::nanoseconds(nanoseconds)), std::string(rest + 1)};
}

void child::tell(std::string_view line) {
    const std::string text = std::string(line) + '\n';
    if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
        fail("cannot tell " + name_ + " to " + std::string(line));
    }
}

int child::wait() {
    const auto deadline = clock::now() + patience;
    int status = 0;
    for (pid_t ended = 0; ended == 0; ended = ::waitpid(pid_, &status, WNOHANG)) {
        stop_if_interrupted();
        if (clock::now() > deadline) {
            throw std::runtime_error(name_ + " does not end");
        }
        // The socket hangs up when the process ends: no need to look more often.
        pollfd hung_up{.fd = socket_, .events = 0, .revents = 0};
        ::poll(&hung_up, 1, look_up_ms);
    }
    pid_ = -1;
    return status;
}

void say(std::string_view text) {
    const std::chrono::nanoseconds now = clock::now().time_since_epoch();
    std::cout << now.count() << ' ' << text << '\n' << std::flush;
}

void wait_for_cue() {
    std::string line;
    if (!std::getline(std::cin, line)) {
        std::exit(EXIT_FAILURE);
    }
}

} // namespace example
