// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "child.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace example {

/// Prints who did what, a line each, in milliseconds since its construction; and makes sure that it is what
/// was to happen.
class timeline {
public:
    /// What is added to a line when its time is known.
    using remark = std::function<std::string(clock::time_point)>;

    timeline();

    void add(clock::time_point at, std::string_view who, std::string_view what) const;

    /// Prints what `who` says next, with a remark. *Throws*: std::runtime_error, if it is not `expected`.
    clock::time_point hear(child& who, std::string_view expected, const remark& more = {}) const;

private:
    clock::time_point start_ = clock::now();
};

/// ", waited 12 ms", and ", held it for 12 ms".
[[nodiscard]] timeline::remark waited(clock::time_point since);
[[nodiscard]] timeline::remark held(clock::time_point since);

} // namespace example
