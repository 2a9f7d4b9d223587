// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// What others compute from the same bytes: the values that must never change.
namespace golden {

/// The lock keys that other programs make of a name (UTF-8).
struct keys_of_name {
    std::string_view name;
    std::int32_t django_pglocks_1;    ///< Python django-pglocks 1.x: CRC-32
    std::int64_t django_pglocks_2;    ///< Python django-pglocks 2.x: SHA-256, first eight bytes, big-endian
    std::int32_t hashtext;            ///< PostgreSQL 15: `hashtext(name)`
    std::int64_t hashtextextended_0;  ///< PostgreSQL 15: `hashtextextended(name, 0)`
    std::int64_t hashtextextended_42; ///< PostgreSQL 15: `hashtextextended(name, 42)`
    std::int64_t hashtextextended_minus_1; ///< PostgreSQL 15: `hashtextextended(name, -1)`
};

inline constexpr std::array<keys_of_name, 10> keys{{
    {"", 0, -2039914840885289964, -1477818771, -6939563903564495251, 6158832220375811857,
     -5142811166230430645},
    {"a", -390611389, -3848465438864589366, 1075015857, 3591986179850072241, 6942402718208252407,
     8688456822845412000},
    {"test", -662733300, -6951639720043709083, 1771415073, -8127218844099566047, -6306607195052346585,
     -3701997153935226931},
    {"hello", 907060870, 3238736544897475342, -1870292951, 3449563369152288809, -5084431038376545807,
     3444675288696985985},
    {"foo", -1938594527, 3181428560199927439, 1955559433, -1635844193734658039, -5229171623247698203,
     -5208059650405897858},
    {"my_lock", 1202238042, 9207781743510115226, 1562953857, -1671245870086436735, 8337994274811357969,
     3755767048601518546},
    {"some lock", -205618829, -5006958056254205714, -1040551200, 1837249113968243424, -9032537344342928118,
     -3265612169342236907},
    {"漢字", -1721648209, -4120064196604472587, -1364838151, 5510981731381295353, 1285570724886270110,
     4964073816451019375},
    {"user:42", 1684999558, -1567300791643570846, -1579110294, 8169282796211187818, -4006726123374075040,
     1956007037964797457},
    {"The quick brown fox jumps over the lazy dog", 1095738169, -2906796813118373740, -827430201,
     2182139051089226439, 7150499504945507884, -2916183307962988523},
}};

/// Bytes of every value but zero (PostgreSQL's text holds none) in a scattered order: 0e b5 5d 05 ac ...
inline constexpr std::array<char, 1000> sample_bytes = [] {
    std::array<char, 1000> bytes{};
    for (std::size_t i = 0; i != bytes.size(); ++i) {
        bytes[i] = static_cast<char>((i * 167 + 13) % 255 + 1);
    }
    return bytes;
}();

/// The first `length` bytes of the sample, at most 1,000.
[[nodiscard]] constexpr std::string_view sample(std::size_t length) noexcept {
    return std::string_view(sample_bytes.data(), sample_bytes.size()).substr(0, length);
}

} // namespace golden
