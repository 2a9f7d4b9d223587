// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

/// Up to 19 characters of one to four bytes, of all planes of Unicode. About half of the texts are UTF-8: now
/// and then a form is overlong, a surrogate, or too high a number.
[[nodiscard]] inline std::string nearly_utf8(random_bytes& random) {
    const auto below = [&](std::uint32_t bound) {
        return static_cast<std::uint32_t>(random.engine()() % bound);
    };
    std::string text;
    const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    for (std::uint32_t left = below(20); left != 0; --left) {
        const std::uint32_t size = below(4) + 1;
        if (size == 1) {
            add(below(0x80));
            continue;
        }
        add(size == 2 ? 0xc2 + below(0x1e) : size == 3 ? 0xe0 + below(0x10) : 0xf0 + below(5));
        for (std::uint32_t i = 1; i != size; ++i) {
            add(0x80 + below(0x40));
        }
    }
    return text;
}

} // namespace golden
