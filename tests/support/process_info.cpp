// SPDX-License-Identifier: BSL-1.0
#include "support/process_info.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace pglocks::test {

std::optional<process_info> find_process(pid_t id) {
    std::ifstream file("/proc/" + std::to_string(id) + "/stat");
    std::string line;
    if (!std::getline(file, line))
        return std::nullopt;
    // The second field, the name, may hold anything; parentheses surround it.
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    process_info found;
    found.id = id;
    fields >> found.state >> found.parent;
    constexpr int parent_field = 4;
    constexpr int start_time_field = 22;
    for (int field = parent_field; field < start_time_field; ++field)
        fields >> found.start_time;
    return found;
}

std::vector<process_info> children_of(pid_t parent) {
    std::vector<process_info> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        const char* const end = name.data() + name.size();
        pid_t id = 0;
        if (std::from_chars(name.data(), end, id).ptr != end)
            continue;
        if (auto found = find_process(id); found && found->parent == parent)
            children.push_back(std::move(*found));
    }
    return children;
}

bool has_ended(pid_t id) {
    const auto now = find_process(id);
    return !now || now->has_ended();
}

bool has_ended(const process_info& seen) {
    const auto now = find_process(seen.id);
    return !now || now->has_ended() || now->start_time != seen.start_time;
}

} // namespace pglocks::test
