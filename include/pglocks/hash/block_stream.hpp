// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace pglocks::digest::detail {

/// Cuts bytes that come in pieces into the blocks of MD5, SHA-1 and SHA-256, and pads the last.
///
/// `State` has `compress(const char* block)`, which takes 64 bytes, and says in `length_is_big_endian` in
/// which order the padding holds the length. *Source*: RFC 1321, section 3; FIPS 180-4, section 5.1.1.
template <class State>
class block_stream {
public:
    /// Appends `size` bytes.
    template <byte_like Byte>
    constexpr void update(const Byte* from, std::size_t size) noexcept {
        length_ += size;
        while (size != 0) {
            const std::size_t part = std::min(size, block_.size() - filled_);
            for (std::size_t i = 0; i != part; ++i) {
                block_[filled_ + i] = static_cast<char>(from[i]);
            }
            from += part;
            size -= part;
            filled_ += part;
            if (filled_ == block_.size()) {
                compress();
            }
        }
    }

    /// The state after all bytes and the padding: a one bit, zeros, and the length in bits.
    [[nodiscard]] constexpr State finish() noexcept {
        constexpr std::size_t length_size = 8;
        const std::uint64_t length_in_bits = length_ * 8;
        block_[filled_++] = '\x80';
        if (filled_ > block_.size() - length_size) {
            std::fill(block_.begin() + static_cast<std::ptrdiff_t>(filled_), block_.end(), '\0');
            compress();
        }
        std::fill(block_.begin() + static_cast<std::ptrdiff_t>(filled_), block_.end(), '\0');
        char* const length = block_.data() + block_.size() - length_size;
        if constexpr (State::length_is_big_endian) {
            store_big_u64(length_in_bits, length);
        } else {
            store_little_u64(length_in_bits, length);
        }
        compress();
        return state_;
    }

private:
    constexpr void compress() noexcept {
        state_.compress(block_.data());
        filled_ = 0;
    }

    State state_{};
    std::array<char, 64> block_{};
    std::size_t filled_ = 0;
    std::uint64_t length_ = 0;
};

} // namespace pglocks::digest::detail
