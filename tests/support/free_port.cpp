// SPDX-License-Identifier: BSL-1.0
#include "support/free_port.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace pglocks::test {

std::uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address); // NOLINT: the socket interface
    const bool found = ::bind(socket, any, size) == 0 && ::getsockname(socket, any, &size) == 0;
    const int why = errno;
    ::close(socket);
    if (!found)
        throw std::system_error(why, std::generic_category(), "a free port");
    return ntohs(address.sin_port);
}

} // namespace pglocks::test
