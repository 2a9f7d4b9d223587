// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/block_stream.hpp>
#include <pglocks/hash/bytes.hpp>
#include <pglocks/hash/sha256.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pglocks::digest {

namespace detail {

/// SHA-256's state, as `block_stream` needs it.
struct sha256_state {
    static constexpr bool length_is_big_endian = true;

    std::array<std::uint32_t, 8> hash{0x6a09'e667, 0xbb67'ae85, 0x3c6e'f372, 0xa54f'f53a,
                                      0x510e'527f, 0x9b05'688c, 0x1f83'd9ab, 0x5be0'cd19};

    constexpr void compress(const char* block) noexcept { sha256_compress(hash, block); }
};

/// HMAC with SHA-256 of a message that comes in pieces (RFC 2104, section 2).
class hmac_sha256_stream {
public:
    template <byte_like Byte>
    constexpr hmac_sha256_stream(const Byte* key, std::size_t size) noexcept {
        if (size > key_.size()) {
            block_stream<sha256_state> stream;
            stream.update(key, size);
            const auto digest = digest_of(stream);
            std::copy(digest.begin(), digest.end(), key_.begin());
        } else {
            for (std::size_t i = 0; i != size; ++i) {
                key_[i] = static_cast<std::uint8_t>(key[i]);
            }
        }
        update_padded(inner_, 0x36);
    }

    template <byte_like Byte>
    constexpr void update(const Byte* from, std::size_t size) noexcept {
        inner_.update(from, size);
    }

    [[nodiscard]] constexpr std::array<std::uint8_t, 32> finish() noexcept {
        const auto inner = digest_of(inner_);
        block_stream<sha256_state> outer;
        update_padded(outer, 0x5c);
        outer.update(inner.data(), inner.size());
        return digest_of(outer);
    }

private:
    [[nodiscard]] static constexpr std::array<std::uint8_t, 32>
    digest_of(block_stream<sha256_state>& stream) noexcept {
        const auto hash = stream.finish().hash;
        std::array<std::uint8_t, 32> digest{};
        for (std::size_t word = 0; word != hash.size(); ++word) {
            store_big_u32(hash[word], digest.data() + 4 * word);
        }
        return digest;
    }

    constexpr void update_padded(block_stream<sha256_state>& stream, std::uint8_t pad) noexcept {
        std::array<std::uint8_t, 64> padded{};
        for (std::size_t i = 0; i != padded.size(); ++i) {
            padded[i] = static_cast<std::uint8_t>(key_[i] ^ pad);
        }
        stream.update(padded.data(), padded.size());
    }

    std::array<std::uint8_t, 64> key_{};
    block_stream<sha256_state> inner_{};
};

} // namespace detail

/// Computes HMAC with SHA-256.
///
/// *Source*: RFC 2104; test cases in RFC 4231.
[[nodiscard]] constexpr std::array<std::uint8_t, 32> hmac_sha256(std::string_view key,
                                                                 std::string_view message) noexcept {
    detail::hmac_sha256_stream stream(key.data(), key.size());
    stream.update(message.data(), message.size());
    return stream.finish();
}

/// Derives `Size` bytes, at most 255 * 32, from a key by HKDF with SHA-256.
///
/// An empty salt is what RFC 5869 calls a salt that is not provided.
///
/// *Source*: RFC 5869, sections 2.2 and 2.3.
template <std::size_t Size>
    requires(Size <= std::size_t{255} * 32)
[[nodiscard]] constexpr std::array<std::uint8_t, Size>
hkdf_sha256(std::string_view salt, std::string_view key, std::string_view info) noexcept {
    const auto pseudorandom_key = hmac_sha256(salt, key);
    std::array<std::uint8_t, Size> derived{};
    std::array<std::uint8_t, 32> block{};
    std::uint8_t counter = 0;
    for (std::size_t done = 0; done < Size; done += block.size()) {
        detail::hmac_sha256_stream stream(pseudorandom_key.data(), pseudorandom_key.size());
        if (done != 0) {
            stream.update(block.data(), block.size());
        }
        stream.update(info.data(), info.size());
        ++counter;
        stream.update(&counter, 1);
        block = stream.finish();
        for (std::size_t i = 0; i != std::min(block.size(), Size - done); ++i) {
            derived[done + i] = block[i];
        }
    }
    return derived;
}

} // namespace pglocks::digest
