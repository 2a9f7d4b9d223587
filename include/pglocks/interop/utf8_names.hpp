// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/utf8.hpp>
#include <pglocks/policy/hash.hpp>

#include <string_view>

namespace pglocks::interop::detail {

/// The base of hashes whose ecosystem hashes the UTF-8 form of Unicode text.
///
/// Other bytes are no name there, so nobody else can lock their key: they are refused.
struct utf8_names {
    using axis = pglocks::axis::hash;

    [[nodiscard]] static constexpr bool accepts(std::string_view name) noexcept {
        return digest::is_utf8(name);
    }
};

} // namespace pglocks::interop::detail
