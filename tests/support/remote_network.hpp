// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/child_process.hpp"

#include <string>

namespace pglocks::test {

/// A network namespace that one wire (veth) joins to ours, and that can be cut. It lives as long as a process
/// of its own, so that nothing is left behind, whatever ends this program.
class remote_network {
public:
    /// *Throws*: std::runtime_error that says which privilege or program is missing.
    remote_network();

    /// For setns(2).
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// The address of this side of the wire, on which the server listens.
    [[nodiscard]] const std::string& near_address() const noexcept { return near_; }
    [[nodiscard]] const std::string& far_address() const noexcept { return far_; }

    /// The ways to cut, which differ in what the clients' side sees.
    enum class way {
        blackhole, ///< a route that drops what clients send; what the server sends arrives, and is not
                   ///< acknowledged
        wire       ///< nothing passes in either direction
    };
    void cut(way how);
    void restore();

private:
    void inside(const std::string& command);

    child_process keeper_;
    std::string path_;
    std::string near_;
    std::string far_;
};

} // namespace pglocks::test
