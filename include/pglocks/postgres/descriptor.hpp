// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pglocks::postgres {

/// A file descriptor of our own.
class descriptor {
public:
    descriptor() noexcept = default;
    /// *Throws*: `std::system_error` if it is none: what a system call that failed has returned.
    descriptor(int number, const char* what) : number_(number) {
        if (number_ < 0) {
            throw std::system_error(errno, std::generic_category(), what);
        }
    }
    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~descriptor() { close(); }

    [[nodiscard]] int get() const noexcept { return number_; }
    void close() noexcept {
        if (number_ >= 0) {
            ::close(std::exchange(number_, -1));
        }
    }

private:
    int number_ = -1;
};

} // namespace pglocks::postgres
