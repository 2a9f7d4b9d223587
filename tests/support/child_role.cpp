// SPDX-License-Identifier: BSL-1.0
#include "support/child_role.hpp"

#include <exception>
#include <iostream>
#include <map>
#include <utility>

namespace pglocks::test {
namespace {

constexpr std::string_view role_option = "--child-role=";

std::map<std::string, child_role::function, std::less<>>& roles() {
    static std::map<std::string, child_role::function, std::less<>> all;
    return all;
}

} // namespace

child_role::child_role(std::string name, function body) : name_(std::move(name)) { roles()[name_] = body; }

child_process child_role::start(const std::vector<std::string>& arguments,
                                const child_process::options& with) const {
    std::vector<std::string> command{"/proc/self/exe", std::string(role_option) + name_};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return child_process(std::move(command), with);
}

std::optional<int> play_requested_role(int argc, const char* const* argv) {
    if (argc < 2 || !std::string_view(argv[1]).starts_with(role_option))
        return std::nullopt;
    try {
        const auto role = roles().find(std::string_view(argv[1]).substr(role_option.size()));
        if (role == roles().end()) {
            std::cerr << "no child_role is called as in " << argv[1] << '\n';
            return 64;
        }
        return role->second({argv + 2, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 70;
    }
}

} // namespace pglocks::test
