// SPDX-License-Identifier: BSL-1.0
#include "support/remote_network.hpp"

#include <sstream>
#include <stdexcept>
#include <unistd.h>
#include <vector>

namespace pglocks::test {
namespace {

void run_or_throw(const std::string& command) {
    std::istringstream text(command);
    std::vector<std::string> words;
    for (std::string word; text >> word;)
        words.push_back(word);
    const auto ended = run(words);
    if (ended.status != exit_status{})
        throw std::runtime_error(command + ": " + ended.errors);
}

child_process keep_namespace() {
    child_process keeper({"unshare", "--net", "sh", "-c", "echo ready; exec cat"});
    try {
        keeper.expect_line("ready");
    } catch (const child_error&) {
        std::string why = keeper.errors();
        std::erase(why, '\n');
        throw std::runtime_error(why.empty() ? "unshare does not answer" : why);
    }
    return keeper;
}

/// One of the 32,768 pairs of addresses in 198.18.0.0/15, which is set apart for tests (RFC 2544).
std::string address(unsigned pair, unsigned host) {
    const unsigned offset = (pair % 32768) * 4 + host;
    return "198." + std::to_string(18 + (offset >> 16)) + '.' + std::to_string(offset >> 8 & 255) + '.' +
           std::to_string(offset & 255);
}

} // namespace

remote_network::remote_network()
    : keeper_(keep_namespace()),
      path_("/proc/" + std::to_string(keeper_.id()) + "/ns/net"),
      near_(address(static_cast<unsigned>(keeper_.id()), 1)),
      far_(address(static_cast<unsigned>(keeper_.id()), 2)) {
    const std::string name = "pgl" + std::to_string(keeper_.id());
    run_or_throw("ip link add " + name + " type veth peer name wire netns " + std::to_string(keeper_.id()));
    run_or_throw("ip address add " + near_ + "/30 dev " + name);
    run_or_throw("ip link set " + name + " up");
    inside("ip address add " + far_ + "/30 dev wire");
    inside("ip link set lo up");
    inside("ip link set wire up");
}

void remote_network::inside(const std::string& command) {
    run_or_throw("nsenter --net=" + path_ + ' ' + command);
}

void remote_network::cut(way how) {
    if (how == way::blackhole) {
        inside("ip route add blackhole " + near_ + "/32");
    } else {
        inside("ip link set wire down");
    }
}

void remote_network::restore() {
    inside("ip route flush type blackhole");
    inside("ip link set wire up");
}

} // namespace pglocks::test
