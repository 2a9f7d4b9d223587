// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pglock {

/// Owns a file descriptor.
class descriptor {
public:
    descriptor() noexcept = default;
    /// *Throws*: `std::system_error` with `errno` if there is none, which `what` was to give.
    descriptor(int number, const char* what) : number_(number) {
        if (number < 0) {
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

} // namespace pglock
