// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <pglocks/key_of.hpp>
#include <pglocks/name_set.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pglocks {

/// The names that are known, to turn keys back into: a name cannot be computed from its key.
///
/// ```
/// pglocks::name_registry names;
/// names.add_set<locks>().add<pglocks::interop::django_pglocks>("nightly-report");
/// ```
class name_registry {
public:
    /// Adds the names of a `name_set`.
    template <class Set>
        requires requires { typename Set::hash_policy; }
    name_registry& add_set() {
        for (std::size_t i = 0; i < Set::size; ++i) {
            add(Set::keys[i], Set::names[i]);
        }
        return *this;
    }

    /// Adds a name under the key that `Hash` gives it. *Throws*: `refused` if the hash does not accept it.
    template <rule::hash_takes_names Hash = axis_traits<axis::hash>::default_policy>
        requires stateless<Hash>
    name_registry& add(std::string_view name) {
        return add(key_of<Hash>(name), name);
    }

    /// As above, for a hash with state, as `hash::siphash`.
    template <rule::hash_takes_names Hash>
    name_registry& add(std::string_view name, const Hash& hash) {
        return add(key_of(name, hash), name);
    }

    /// Adds what people call a key that was made in another way.
    name_registry& add(lock_key key, std::string_view name) {
        auto& known = names_[key];
        if (std::ranges::find(known, name) == known.end()) {
            known.emplace_back(name);
        }
        return *this;
    }

    /// The names of a key, in the order in which they were added: none if it is unknown, several if hashes
    /// have given them one key. They live until the registry changes.
    [[nodiscard]] std::span<const std::string> names_of(lock_key key) const noexcept {
        const auto at = names_.find(key);
        return at == names_.end() ? std::span<const std::string>() : std::span(at->second);
    }

    /// For people: `"nightly-report"`, `"a" or "b"`, or, if it is unknown, the key as the SQL functions take
    /// it.
    [[nodiscard]] std::string label(lock_key key) const {
        std::string text;
        for (const std::string& name : names_of(key)) {
            ((text += text.empty() ? "\"" : " or \"") += name) += '"';
        }
        return text.empty() ? to_sql(key) : text;
    }

    /// Whether it knows no name.
    [[nodiscard]] bool empty() const noexcept { return names_.empty(); }

private:
    std::map<lock_key, std::vector<std::string>> names_;
};

} // namespace pglocks
