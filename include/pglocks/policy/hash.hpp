// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/hash/bytes.hpp>
#include <pglocks/hash/fnv.hpp>
#include <pglocks/hash/lookup3.hpp>
#include <pglocks/hash/sha256.hpp>
#include <pglocks/hash/siphash.hpp>
#include <pglocks/key.hpp>
#include <pglocks/policy/axis.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <string_view>

namespace pglocks {

namespace axis {
/// How a name becomes a key.
///
/// - `hash::postgres<Seed>`, the default: quick, and SQL takes the same lock.
/// - `hash::postgres_hashtext`: for the locks that hand-written SQL takes already.
/// - `hash::fnv1a`: for the locks that a small program in another language is to take, too.
/// - `hash::sha256`: when nobody is to find two names with one key; every language has it at hand.
/// - `hash::siphash`: when names come from outside.
/// - `hash::none`: for keys alone.
/// - `hash::in_namespace<Id, H>`: for a key space of one's own, with few names.
/// - `interop::...`: for the locks of a library of another language.
struct hash;
} // namespace axis

namespace detail {

template <class P>
concept hash_call = requires(const P& h, std::string_view name) {
    { h.key_of(name) } noexcept -> std::convertible_to<lock_key>;
};

template <class P>
concept adapted_hash_call = requires(const P& h, std::string_view name) {
    { policy_traits<P>::key_of(h, name) } noexcept -> std::convertible_to<lock_key>;
};

template <class P>
concept asks_first = requires(const P& h, std::string_view name) { h.accepts(name); };
template <class P>
concept adapted_asks_first =
    requires(const P& h, std::string_view name) { policy_traits<P>::accepts(h, name); };

/// If there is an `accepts`, it answers a bool and does not throw.
template <class P>
concept asks_safely = (!asks_first<P> || requires(const P& h, std::string_view name) {
                          { h.accepts(name) } noexcept -> std::same_as<bool>;
                      }) && (!adapted_asks_first<P> || requires(const P& h, std::string_view name) {
                          { policy_traits<P>::accepts(h, name) } noexcept -> std::same_as<bool>;
                      });

template <class P>
concept takes_no_names = requires { requires P::takes_no_names; };

} // namespace detail

/// A policy with `key_of(std::string_view) noexcept`, whose answer converts to `lock_key`.
///
/// A hash that cannot map every name also has `accepts(std::string_view) noexcept`, which is asked first. One
/// that maps no name at all says `static constexpr bool takes_no_names = true`. In `policy_traits`, the
/// functions take the object first: `key_of(const T&, std::string_view)`.
template <class P>
concept hash_policy = policy_of<P, axis::hash> &&
                      (detail::hash_call<P> || detail::adapted_hash_call<P> || detail::takes_no_names<P>) &&
                      detail::asks_safely<P>;

namespace rule {

/// The hash maps names to keys.
template <class P>
concept hash_takes_names = hash_policy<P> && !detail::takes_no_names<P>;

} // namespace rule

namespace detail {

template <rule::hash_takes_names H>
[[nodiscard]] constexpr lock_key hashed(const H& h, std::string_view name) noexcept {
    if constexpr (adapted_hash_call<H>) {
        return policy_traits<H>::key_of(h, name);
    } else {
        return h.key_of(name);
    }
}

template <rule::hash_takes_names H>
[[nodiscard]] constexpr bool accepted(const H& h, std::string_view name) noexcept {
    if constexpr (adapted_asks_first<H>) {
        return policy_traits<H>::accepts(h, name);
    } else if constexpr (asks_first<H>) {
        return h.accepts(name);
    } else {
        return true;
    }
}

/// PostgreSQL's `text` holds no NUL byte: such a name has no twin in SQL, and is most likely a padded buffer.
[[nodiscard]] constexpr bool is_text(std::string_view name) noexcept {
    return name.find('\0') == std::string_view::npos;
}

} // namespace detail

namespace hash {

/// PostgreSQL's own `hashtextextended(name, Seed)`, computed here.
///
/// psql takes the same lock by
/// `select pg_advisory_lock(hashtextextended('nightly-report' collate "C", 0))` in a UTF-8 database on a
/// little-endian server. The name's bytes are hashed as they are. Source: PostgreSQL 15,
/// `hash_bytes_extended` in src/common/hashfn.c. Quick; 64 bits; not for names that an attacker chooses.
template <std::int64_t Seed = 0>
struct postgres {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "hashtextextended(name, Seed), as SQL computes it";

    [[nodiscard]] static constexpr bool accepts(std::string_view name) noexcept {
        return detail::is_text(name);
    }
    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int64_t>(
            digest::postgres_hash_bytes_extended(name, std::bit_cast<std::uint64_t>(Seed)));
    }
};

/// PostgreSQL's `hashtext(name)`, sign-extended: what much hand-written SQL locks on.
///
/// `select pg_advisory_lock(hashtext('nightly-report'))`. 32 bits only: among 10,000 names the odds of a
/// collision are 1 in 86. Source: PostgreSQL 15, `hash_bytes` in src/common/hashfn.c.
struct postgres_hashtext {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "hashtext(name), as SQL computes it; 32 bits";

    [[nodiscard]] static constexpr bool accepts(std::string_view name) noexcept {
        return detail::is_text(name);
    }
    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int32_t>(digest::postgres_hash_bytes(name));
    }
};

/// 64-bit FNV-1a: the simplest to write again in any language. Not for names that an attacker chooses.
/// Source: RFC 9923.
struct fnv1a {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "64-bit FNV-1a";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int64_t>(digest::fnv1a_64(name));
    }
};

/// The first eight bytes of SHA-256, big-endian: nobody can find two names with one key at less than the cost
/// of 2^32 tries. Ten times as slow as the others, and still far below a round trip. Source: FIPS 180-4.
struct sha256 {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "first 8 bytes of SHA-256, big-endian";

    [[nodiscard]] static constexpr std::int64_t key_of(std::string_view name) noexcept {
        return std::bit_cast<std::int64_t>(digest::load_big_u64(digest::sha256(name).data()));
    }
};

/// SipHash-2-4 under a secret 16-byte key: nobody who does not know the key can aim at another's lock. All
/// programs that share locks share the key.
///
/// The value is given to the lock's constructor. Source: Aumasson and Bernstein, "SipHash: a fast short-input
/// PRF", 2012.
class siphash {
public:
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "SipHash-2-4 under a secret 16-byte key";

    /// Takes the sixteen bytes of the key, as other implementations do.
    constexpr explicit siphash(const std::array<std::uint8_t, 16>& key) noexcept
        : key_(digest::make_siphash_key(key)) {}

    [[nodiscard]] constexpr std::int64_t key_of(std::string_view name) const noexcept {
        return std::bit_cast<std::int64_t>(digest::siphash_2_4(key_.k0, key_.k1, name));
    }

private:
    digest::siphash_key key_;
};

/// No hash: the lock takes keys, and a name does not compile.
struct none {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "takes keys only";
    static constexpr bool takes_no_names = true;
};

/// The pair (`Id`, low 32 bits of `H`): gives an application, or a part of it, a key space of its own.
///
/// 32 bits of the hash are left: choose it for few names. `H` may carry state.
template <std::int32_t Id, class H = postgres<>>
struct in_namespace {
    using axis = pglocks::axis::hash;
    static constexpr std::string_view summary = "the pair (Id, low 32 bits of another hash)";

    [[no_unique_address]] H hash; ///< gives the lower half

    [[nodiscard]] constexpr bool accepts(std::string_view name) const noexcept
        requires rule::hash_takes_names<H>
    {
        return detail::accepted(hash, name);
    }
    [[nodiscard]] constexpr lock_key key_of(std::string_view name) const noexcept
        requires rule::hash_takes_names<H>
    {
        return {Id, detail::hashed(hash, name).second()};
    }
};

} // namespace hash

template <>
struct axis_traits<axis::hash> {
    using default_policy = hash::postgres<>;
    using built_in = type_list<hash::postgres<>, hash::postgres_hashtext, hash::fnv1a, hash::sha256,
                               hash::siphash, hash::none, hash::in_namespace<1>>;
    static constexpr std::string_view name = "hash";

    template <class P>
    static constexpr bool meets = hash_policy<P>;

    template <class... P>
    struct at_most_one {
        static_assert(
            rule::at_most_one<axis::hash, P...>,
            "pglocks: more than one hash policy: keep one of hash::postgres<>, hash::postgres_hashtext, "
            "hash::fnv1a, hash::sha256, hash::siphash, hash::none, hash::in_namespace<Id, H>, interop::...");
    };
    template <class P>
    struct complete {
        static_assert(
            hash_policy<P>,
            "pglocks: a hash policy lacks its operation: give it "
            "`constexpr std::int64_t key_of(std::string_view) const noexcept` (or a lock_key as result)");
    };
    template <std::int32_t Id, class H>
    struct complete<hash::in_namespace<Id, H>> {
        static_assert(rule::hash_takes_names<H>,
                      "pglocks: hash::in_namespace<Id, H> lacks its hash: give it one "
                      "that takes names, as hash::postgres<>");
    };
};

} // namespace pglocks
