// SPDX-License-Identifier: BSL-1.0

/// SOCI 4.0 leaks the connection when it cannot connect: named by the function, and by the library for where
/// no symbolizer runs, which hides all else that is allocated below SOCI. (The name is LeakSanitizer's.)
extern "C" const char* __lsan_default_suppressions() { // NOLINT(readability-identifier-naming)
    return "leak:PQconnectdb\nleak:libsoci_postgresql\n";
}
