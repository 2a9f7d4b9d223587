// SPDX-License-Identifier: BSL-1.0
#include "hashes.hpp"

#include <pglocks/key_of.hpp>
#include <pglocks/policy/catalogue.hpp>

#include "errors.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <typeinfo>

namespace pglock {

namespace {

/// `pglocks::interop::distributed_lock` is called `distributed-lock`; a template, as its default.
template <class Policy>
[[nodiscard]] std::string name_of() {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> demangled(
        abi::__cxa_demangle(typeid(Policy).name(), nullptr, nullptr, &status), &std::free);
    if (status != 0) {
        throw std::logic_error("a hash policy has no name");
    }
    std::string name = demangled.get();
    name.erase(std::min(name.find('<'), name.size()));
    name.erase(0, name.rfind(':') + 1);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

/// What stands in the library's list for a family of which no member is meant before another.
template <class>
constexpr bool is_a_sample = false;
template <std::int32_t Id, class H>
constexpr bool is_a_sample<pglocks::hash::in_namespace<Id, H>> = true;

template <class Policy>
[[nodiscard]] named_hash describe() {
    named_hash described{name_of<Policy>(), Policy::summary, {}, nullptr};
    if constexpr (!pglocks::rule::hash_takes_names<Policy>) {
        described.refusal = "it takes no names: give the key itself with --key";
    } else if constexpr (!pglocks::stateless<Policy>) {
        described.refusal = "it needs a secret, which has no place on a command line: compute the key in the "
                            "program that knows it, and give it with --key";
    } else if constexpr (is_a_sample<Policy>) {
        described.refusal = "it takes parameters (an Id and a hash): give the pair itself with --key A,B";
    } else {
        described.key_of = [](std::string_view name) { return pglocks::key_of<Policy>(name); };
    }
    return described;
}

} // namespace

const std::vector<named_hash>& hashes() {
    static const std::vector<named_hash> all = [] {
        std::vector<named_hash> list;
        pglocks::catalogue::for_each_policy<pglocks::axis::hash>(
            [&list]<class Policy>(std::type_identity<Policy>) { list.push_back(describe<Policy>()); });
        return list;
    }();
    return all;
}

const named_hash& hash_named(std::string_view name) {
    const auto& all = hashes();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& h) { return h.name == name; });
    if (found == all.end()) {
        std::string message = "there is no such hash; there are:";
        for (const named_hash& h : all) {
            message += h.key_of ? ' ' + h.name : "";
        }
        throw usage_error(message);
    }
    if (!found->key_of) {
        throw usage_error("the hash " + found->name + " cannot be chosen: " + found->refusal);
    }
    return *found;
}

} // namespace pglock
