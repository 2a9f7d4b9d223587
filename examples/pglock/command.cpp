// SPDX-License-Identifier: BSL-1.0
#include "command.hpp"

#include "exit_status.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace pglock {

namespace {

/// Between fork and exec nothing but system calls: the other threads' locks are in no known state.
[[noreturn]] void become(char* const* arguments, const sigset_t& blocked, bool leads_group, pid_t parent,
                         int to_tell_errno) noexcept {
    if (leads_group) {
        ::setpgid(0, 0);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // with its parent goes the lock
    if (::getppid() != parent) {
        ::_exit(exit_status::internal); // it has gone already
    }
    ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
    ::execvp(arguments[0], arguments);
    const int error = errno;
    static_cast<void>(::write(to_tell_errno, &error, sizeof error));
    ::_exit(exit_status::not_found);
}

/// None without /proc.
[[nodiscard]] std::vector<pid_t> children() {
    std::vector<pid_t> all;
    std::ifstream file("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    for (pid_t child = 0; file >> child;) {
        all.push_back(child);
    }
    return all;
}

} // namespace

cannot_run::cannot_run(const std::string& program, int error)
    : std::runtime_error("cannot run " + program + ": " + std::generic_category().message(error)),
      status_(error == ENOENT ? exit_status::not_found : exit_status::cannot_run) {}

bool command::get_groups() noexcept {
    const int terminal = ::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (terminal >= 0) {
        ::close(terminal);
    }
    return terminal < 0;
}

command::command(const std::vector<std::string>& words, const sigset_t& blocked)
    : others_(children()),
      leads_group_(get_groups()) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const std::string& word : words) {
        arguments.push_back(const_cast<char*>(word.c_str())); // as exec wants it, which changes nothing
    }
    arguments.push_back(nullptr);
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "no pipe");
    }
    const pglocks::postgres::descriptor read_end(ends[0], "");
    pglocks::postgres::descriptor write_end(ends[1], "");
    ::prctl(PR_SET_CHILD_SUBREAPER, 1); // what the command leaves behind is collected here, at once
    const pid_t parent = ::getpid();
    process_ = ::fork();
    if (process_ == 0) {
        become(arguments.data(), blocked, leads_group_, parent, write_end.get());
    }
    if (process_ < 0) {
        throw std::system_error(errno, std::generic_category(), "no process");
    }
    write_end.close();
    int error = 0;
    if (::read(read_end.get(), &error, sizeof error) == sizeof error) { // closed by a successful exec
        ::waitpid(process_, nullptr, 0);
        throw cannot_run(words.front(), error);
    }
    if (leads_group_) {
        try {
            guard_.emplace(process_);
        } catch (...) {
            send(SIGKILL);
            ::waitpid(process_, nullptr, 0);
            throw;
        }
    }
}

command::~command() {
    if (!ended_) {
        send(SIGKILL);
        guard_.reset();
        ::waitpid(process_, nullptr, 0);
    }
}

void command::send(int signal) const noexcept {
    if (leads_group_) {
        ::kill(-process_, signal);
    } else if (!ended_) {
        ::kill(process_, signal);
    }
}

bool command::collect() noexcept {
    for (;;) {
        siginfo_t child{};
        if (::waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) != 0 || child.si_pid == 0) {
            return ended_;
        }
        if (child.si_pid == process_) {
            guard_.reset(); // before the number of the group can become another's
            ended_ = ::waitpid(process_, &wait_status_, 0) == process_;
        } else {
            std::erase(others_, child.si_pid); // before the number can become another's
            ::waitpid(child.si_pid, nullptr, 0);
        }
    }
}

bool command::left_others() const noexcept { return leads_group_ && ::kill(-process_, 0) == 0; }

std::vector<pid_t> command::orphans() const {
    std::vector<pid_t> found;
    if (leads_group_ || !ended_) {
        return found;
    }
    // Others may be in this group, too; but what the command leaves behind becomes a child of this process.
    for (const pid_t child : children()) {
        if (::getpgid(child) == ::getpgrp() && std::ranges::find(others_, child) == others_.end()) {
            found.push_back(child);
        }
    }
    return found;
}

} // namespace pglock
