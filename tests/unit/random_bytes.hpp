// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>

/// Random inputs on which a hash is compared with another implementation.
namespace golden {

/// A million, but fewer in a program that is not optimised, which would take minutes.
#ifdef __OPTIMIZE__
inline constexpr int random_inputs = 1'000'000;
#else
inline constexpr int random_inputs = 20'000;
#endif

/// Random bytes of every value, the same in every run.
class random_bytes {
public:
    /// Up to `longest` bytes.
    [[nodiscard]] std::string operator()(std::size_t longest = 200) {
        std::string bytes(random_() % (longest + 1), '\0');
        std::generate(bytes.begin(), bytes.end(), [this] { return static_cast<char>(random_() & 0xff); });
        return bytes;
    }

    [[nodiscard]] std::mt19937& engine() { return random_; }

private:
    std::mt19937 random_{20'240'607};
};

} // namespace golden
