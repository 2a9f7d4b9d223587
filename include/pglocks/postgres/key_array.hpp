// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/connection.hpp>
#include <pglocks/hash/bytes.hpp>
#include <pglocks/key.hpp>
#include <pglocks/postgres/parameters.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace pglocks::postgres {

/// Keys in order as the parameters of the statements for sets: an array of their bits in PostgreSQL's binary
/// format (the number of dimensions, a flag for nulls, the OID of the elements' type; for each dimension its
/// length and first subscript; for each element its length and its bytes: PostgreSQL 15,
/// src/backend/utils/adt/arrayfuncs.c, array_recv), and how many are of the `bigint` space.
class key_array {
public:
    /// More keys do not fit into the largest value that PostgreSQL takes, of 1 GiB.
    static constexpr std::size_t most = 80'000'000;

    /// *Throws*: `std::bad_alloc`. *Requires*: at least one key.
    explicit key_array(lock_keys keys) : bytes_(20 + 12 * keys.size()) {
        constexpr std::uint32_t oid_of_bigint = 20;
        char* end = bytes_.data();
        const auto append = [&end](std::uint32_t number) {
            digest::store_big_u32(number, end);
            end += 4;
        };
        for (const std::uint32_t number : {std::uint32_t{1}, std::uint32_t{0}, oid_of_bigint,
                                           static_cast<std::uint32_t>(keys.size()), std::uint32_t{1}}) {
            append(number);
        }
        std::size_t bigints = 0;
        for (const lock_key key : keys) {
            append(8);
            digest::store_big_u64(static_cast<std::uint64_t>(key.bits()), end);
            end += 8;
            bigints += key.is_pair() ? 0 : 1;
        }
        print(bigints_, bigints);
    }

    /// The parameters of a statement; `bound` in milliseconds, 0 for none. They refer to this object.
    [[nodiscard]] statement_parameters parameters(int bound = 0) noexcept {
        print(milliseconds_, static_cast<std::size_t>(bound));
        return {.count = bound > 0 ? 3 : 2,
                .values = {bytes_.data(), bigints_.data(), milliseconds_.data()},
                .lengths = {static_cast<int>(bytes_.size())},
                .formats = {1}};
    }

private:
    using digits = std::array<char, 24>;

    static void print(digits& to, std::size_t number) noexcept {
        *std::to_chars(to.data(), to.data() + to.size() - 1, number).ptr = '\0';
    }

    std::vector<char> bytes_;
    digits bigints_{};
    digits milliseconds_{};
};

/// Calls `f` with each number of an answer of the form `1,7`, counted from 0.
template <class F>
void for_each_number(std::string_view answer, const F& f) {
    while (!answer.empty()) {
        std::size_t number = 0;
        const char* const end = std::from_chars(answer.data(), answer.data() + answer.size(), number).ptr;
        f(number - 1);
        answer.remove_prefix(std::min(static_cast<std::size_t>(end - answer.data()) + 1, answer.size()));
    }
}

} // namespace pglocks::postgres
