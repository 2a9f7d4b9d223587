// SPDX-License-Identifier: BSL-1.0
#include "support/tcp_proxy.hpp"

#include "support/descriptor.hpp"
#include "support/server_address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <functional>
#include <future>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <list>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pglocks::test {
namespace {

using clock = std::chrono::steady_clock;

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

template <class Address>
sockaddr* as_sockaddr(Address& address) noexcept {
    return reinterpret_cast<sockaddr*>(&address); // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

template <class Query>
sockaddr_in address_by(Query query, int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    if (query(socket, as_sockaddr(address), &size) != 0)
        throw_errno("the address of a socket");
    return address;
}

descriptor listen_on_loopback() {
    descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener.get(), as_sockaddr(address), sizeof(address)) != 0 ||
        ::listen(listener.get(), SOMAXCONN) != 0)
        throw_errno("listening on a loopback port");
    return listener;
}

void set_nonblocking(int socket) { ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK); }

void send_without_waiting_for_more(int socket) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); // no effect on a Unix socket
}

/// A connection to the server; none if it does not listen.
descriptor connect_to(const server_address& server) {
    if (server.is_unix_socket()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = server.host + "/.s.PGSQL." + server.port;
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        return ::connect(socket.get(), as_sockaddr(address), sizeof(address)) == 0 ? std::move(socket)
                                                                                   : descriptor();
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &found) != 0)
        return {};
    const std::unique_ptr<addrinfo, decltype([](addrinfo* a) { ::freeaddrinfo(a); })> all(found);
    for (const auto* one = all.get(); one != nullptr; one = one->ai_next) {
        descriptor socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol));
        if (::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0) {
            send_without_waiting_for_more(socket.get());
            return socket;
        }
    }
    return {};
}

/// Asks the kernel what has become of what was sent to a loopback TCP socket.
///
/// Source: sock_diag(7); Linux, net/ipv4/tcp_diag.c.
class receive_queues {
public:
    /// Whether so many bytes, counted from the beginning of the connection, have arrived and been read, or
    /// the socket is closed.
    ///
    /// Even here what was sent need not have arrived: while the receiver is in a call on its socket, the
    /// kernel sets it aside, and `unread` does not count it. In one answer `unread` is taken before
    /// `received`: hence the second look when all has arrived.
    bool has_read(const sockaddr_in& local, const sockaddr_in& peer, std::uint64_t bytes) {
        const auto arrival = look(local, peer);
        if (!arrival)
            return true;
        if (arrival->received < bytes)
            return false;
        const auto rest = look(local, peer);
        return !rest || rest->unread == 0;
    }

private:
    struct state {
        std::uint64_t received;
        std::uint32_t unread;
    };

    /// \returns nothing if the socket is closed.
    std::optional<state> look(const sockaddr_in& local, const sockaddr_in& peer) {
        struct {
            nlmsghdr header;
            inet_diag_req_v2 request;
        } message{};
        message.header.nlmsg_len = sizeof(message);
        message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
        message.header.nlmsg_flags = NLM_F_REQUEST;
        message.request.sdiag_family = AF_INET;
        message.request.sdiag_protocol = IPPROTO_TCP;
        message.request.idiag_ext = 1U << (INET_DIAG_INFO - 1U);
        message.request.idiag_states = ~0U;
        message.request.id.idiag_sport = local.sin_port;
        message.request.id.idiag_dport = peer.sin_port;
        message.request.id.idiag_src[0] = local.sin_addr.s_addr;
        message.request.id.idiag_dst[0] = peer.sin_addr.s_addr;
        message.request.id.idiag_cookie[0] = message.request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
        alignas(nlmsghdr) std::array<char, 4096> answer{};
        if (::send(netlink_.get(), &message, sizeof(message), 0) < 0)
            throw_errno("asking for a socket's receive queue");
        const ssize_t size = ::recv(netlink_.get(), answer.data(), answer.size(), 0);
        if (size < 0)
            throw_errno("reading a socket's receive queue");
        nlmsghdr header{};
        std::memcpy(&header, answer.data(), sizeof(header));
        if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
            return std::nullopt;
        inet_diag_msg found{};
        std::memcpy(&found, answer.data() + NLMSG_HDRLEN, sizeof(found));
        for (std::size_t at = NLMSG_LENGTH(sizeof(found)); at < header.nlmsg_len;) {
            nlattr attribute{};
            std::memcpy(&attribute, answer.data() + at, sizeof(attribute));
            if (attribute.nla_type == INET_DIAG_INFO) {
                tcp_info info{};
                std::memcpy(&info, answer.data() + at + NLA_HDRLEN,
                            std::min<std::size_t>(attribute.nla_len - NLA_HDRLEN, sizeof(info)));
                return state{info.tcpi_bytes_received, found.idiag_rqueue};
            }
            at += NLA_ALIGN(attribute.nla_len);
        }
        return std::nullopt; // what TCP keeps of a closed socket for a while has no tcp_info
    }

    descriptor netlink_{::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
};

/// One direction of a connection.
struct flow {
    struct piece {
        clock::time_point due;
        std::string bytes;
    };
    int from;
    int to;
    std::deque<piece> held{};
    std::uint64_t passed_on = 0; ///< in bytes
    bool ended = false;          ///< all was read
    bool closed = false;         ///< and passed on
    bool blocked = false;        ///< the receiver takes no more now

    [[nodiscard]] bool wants_input(bool unlimited) const noexcept {
        constexpr std::size_t pieces = 64; // then TCP's flow control has to hold the sender back
        return !ended && (unlimited || held.size() < pieces);
    }

    /// Reads what there is; false if the connection is broken.
    bool read(clock::time_point due) {
        std::string bytes(65536, '\0');
        const ssize_t count = ::recv(from, bytes.data(), bytes.size(), 0);
        if (count > 0) {
            bytes.resize(static_cast<std::size_t>(count));
            held.push_back({due, std::move(bytes)});
        } else if (count == 0) {
            ended = true;
        } else {
            return errno == EAGAIN || errno == EINTR;
        }
        return true;
    }

    /// Sends up to so many bytes of the first piece; false if the connection is broken.
    bool write(std::size_t most) {
        auto& bytes = held.front().bytes;
        const ssize_t count = ::send(to, bytes.data(), std::min(most, bytes.size()), MSG_NOSIGNAL);
        blocked = count < 0 && errno == EAGAIN;
        if (count < 0)
            return blocked || errno == EINTR;
        passed_on += static_cast<std::size_t>(count);
        bytes.erase(0, static_cast<std::size_t>(count));
        if (bytes.empty())
            held.pop_front();
        return true;
    }

    void pass_end_on() {
        if (ended && held.empty() && !closed) {
            ::shutdown(to, SHUT_WR);
            closed = true;
        }
    }
};

struct link {
    descriptor client;
    descriptor server;
    sockaddr_in client_address;
    std::uint16_t upstream_port; ///< ours, if the server is reached by TCP
    flow requests{client.get(), server.get()};
    flow replies{server.get(), client.get()};
    bool broken = false;

    link(descriptor&& c, const sockaddr_in& from, descriptor&& s)
        : client(std::move(c)),
          server(std::move(s)),
          client_address(from),
          upstream_port(ntohs(address_by(::getsockname, server.get()).sin_port)) {
    } // IPv6 has it in the same place

    void reset() const {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        ::setsockopt(server.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
};

} // namespace

/// Everything but what in_loop() does is done, and owned, by the thread.
class tcp_proxy::loop {
public:
    enum class mode : std::uint8_t { forward, split, stall };

    explicit loop(server_address upstream) : upstream_(std::move(upstream)) {
        if (wake_.get() < 0)
            throw_errno("eventfd");
        thread_ = std::thread([this] { run(); });
    }
    ~loop() {
        in_loop([this] { ends_ = true; });
        thread_.join();
    }
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;

    /// Has the thread call a function, and waits for it.
    void in_loop(std::function<void()> function) {
        std::packaged_task<void()> task(std::move(function));
        auto done = task.get_future();
        {
            const std::lock_guard guard(mutex_);
            tasks_.push_back(std::move(task));
        }
        ::eventfd_write(wake_.get(), 1);
        done.get();
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return ntohs(address_.sin_port); }

    void set(mode to, std::chrono::milliseconds delay = {}) {
        in_loop([=, this] {
            mode_ = to;
            delay_ = delay;
            for (auto& one : links_) {
                for (auto* way : {&one.requests, &one.replies}) {
                    for (auto& piece : way->held)
                        piece.due = std::min(piece.due, clock::now() + delay);
                }
            }
        });
    }

    /// \returns how many connections it was.
    template <class Predicate>
    std::size_t reset_if(const Predicate& is_meant) {
        std::size_t count = 0;
        in_loop([&] {
            count = std::erase_if(links_, [&](const link& one) {
                const bool meant = is_meant(one);
                if (meant)
                    one.reset();
                return meant;
            });
        });
        return count;
    }

    [[nodiscard]] std::vector<std::uint16_t> upstream_ports() {
        std::vector<std::uint16_t> ports;
        in_loop([&] {
            for (const auto& one : links_)
                ports.push_back(one.upstream_port);
        });
        return ports;
    }

    [[nodiscard]] std::size_t links() {
        std::size_t count = 0;
        in_loop([&] { count = links_.size(); });
        return count;
    }
    [[nodiscard]] std::size_t split_bytes() {
        std::size_t count = 0;
        in_loop([&] { count = split_bytes_; });
        return count;
    }

private:
    void run() {
        while (!ends_) {
            const int timeout = pass_on();
            std::vector<pollfd> sockets{{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
            for (const auto& one : links_) {
                for (const auto* way : {&one.requests, &one.replies}) {
                    const bool reads = !one.broken && way->wants_input(mode_ == mode::stall);
                    sockets.push_back({reads ? way->from : -1, POLLIN, 0});
                    sockets.push_back({way->blocked && !one.broken ? way->to : -1, POLLOUT, 0});
                }
            }
            ::poll(sockets.data(), sockets.size(), timeout);
            read(sockets);
            if (sockets[1].revents != 0)
                accept();
            if (sockets[0].revents != 0)
                run_tasks();
        }
        links_.clear();
    }

    void run_tasks() {
        eventfd_t count = 0;
        ::eventfd_read(wake_.get(), &count);
        std::vector<std::packaged_task<void()>> tasks;
        {
            const std::lock_guard guard(mutex_);
            tasks.swap(tasks_);
        }
        for (auto& task : tasks)
            task();
    }

    void accept() {
        sockaddr_in from{};
        socklen_t size = sizeof(from);
        descriptor client(::accept4(listener_.get(), as_sockaddr(from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
        descriptor server = client.get() < 0 ? descriptor() : connect_to(upstream_);
        if (server.get() < 0)
            return;
        set_nonblocking(server.get());
        send_without_waiting_for_more(client.get());
        links_.emplace_back(std::move(client), from, std::move(server));
    }

    void read(const std::vector<pollfd>& sockets) {
        auto socket = sockets.begin() + 2;
        for (auto& one : links_) {
            for (auto* way : {&one.requests, &one.replies}) {
                if (socket->revents != 0 && !way->read(clock::now() + delay_))
                    one.broken = true;
                socket += 2;
            }
        }
    }

    /// Passes on what is due.
    /// \returns for how many milliseconds nothing else is, -1: until something happens
    int pass_on() {
        if (mode_ == mode::stall)
            return -1;
        int timeout = -1;
        const auto not_later = [&](int other) { timeout = timeout < 0 ? other : std::min(timeout, other); };
        for (auto one = links_.begin(); one != links_.end();) {
            for (auto* way : {&one->requests, &one->replies}) {
                const bool splits = mode_ == mode::split && way == &one->replies;
                if (const auto wait = splits ? pass_byte_on(*one) : pass_on(*way, *one))
                    not_later(*wait);
                way->pass_end_on();
            }
            if (one->broken)
                one->reset();
            const bool over = one->broken || (one->requests.closed && one->replies.closed);
            one = over ? links_.erase(one) : std::next(one);
        }
        return timeout;
    }

    static std::optional<int> pass_on(flow& way, link& of) {
        way.blocked = false;
        while (!way.held.empty() && !way.blocked && !of.broken) {
            const auto wait = way.held.front().due - clock::now();
            if (wait > clock::duration::zero())
                return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
            of.broken = !way.write(std::string::npos);
        }
        return std::nullopt;
    }

    /// Sends the next byte of the replies if the client has read the one before.
    std::optional<int> pass_byte_on(link& of) {
        constexpr int quick = 1000; // then it is no longer a matter of moments
        flow& replies = of.replies;
        replies.blocked = false;
        if (replies.held.empty())
            return std::nullopt;
        if (!queues_.has_read(of.client_address, address_, replies.passed_on))
            return ++unread_for_ < quick ? 0 : 1;
        unread_for_ = 0;
        of.broken = !replies.write(1);
        ++split_bytes_;
        return 0;
    }

    server_address upstream_;
    descriptor listener_ = listen_on_loopback();
    sockaddr_in address_ = address_by(::getsockname, listener_.get());
    descriptor wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    receive_queues queues_;
    mode mode_ = mode::forward;
    std::chrono::milliseconds delay_{};
    std::list<link> links_;
    std::size_t split_bytes_ = 0;
    int unread_for_ = 0; ///< how often the last byte was looked at and had not been read
    bool ends_ = false;
    std::mutex mutex_;
    std::vector<std::packaged_task<void()>> tasks_; ///< guarded by the mutex
    std::thread thread_;
};

tcp_proxy::tcp_proxy(const server& upstream)
    : server(upstream.conninfo()),
      loop_(std::make_unique<loop>(address_of(upstream))) {
    set_parameter("host", "127.0.0.1");
    set_parameter("hostaddr", "127.0.0.1");
    set_parameter("port", std::to_string(loop_->port()));
}

tcp_proxy::~tcp_proxy() = default;

void tcp_proxy::forward() { loop_->set(loop::mode::forward); }

void tcp_proxy::split_replies() { loop_->set(loop::mode::split); }

void tcp_proxy::stall() { loop_->set(loop::mode::stall); }

void tcp_proxy::delay(std::chrono::milliseconds each_way) { loop_->set(loop::mode::forward, each_way); }

void tcp_proxy::reset() {
    loop_->reset_if([](const link&) { return true; });
}

void tcp_proxy::reset(const PGconn* client) {
    const auto port = address_by(::getsockname, PQsocket(client)).sin_port;
    if (loop_->reset_if([=](const link& one) { return one.client_address.sin_port == port; }) == 0)
        throw std::logic_error("this connection does not go through this proxy");
}

bool tcp_proxy::reset(std::uint16_t upstream_port) {
    return loop_->reset_if([=](const link& one) { return one.upstream_port == upstream_port; }) != 0;
}

std::vector<std::uint16_t> tcp_proxy::upstream_ports() const { return loop_->upstream_ports(); }

std::size_t tcp_proxy::connections() const { return loop_->links(); }

std::size_t tcp_proxy::split_bytes() const { return loop_->split_bytes(); }

} // namespace pglocks::test
