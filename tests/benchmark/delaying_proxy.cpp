// SPDX-License-Identifier: BSL-1.0
// A TCP port on the loopback that leads to a server, as if over a network: what either side sends arrives
// later.
//
//     delaying_proxy SOCKET_PATH MICROSECONDS      SOCKET_PATH is the server's Unix socket; the delay is each
//     way's
//
// Prints the port, and ends with its standard input. Bandwidth is not limited: any number of messages are
// under way at the same time.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <deque>
#include <iostream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace {

using clock_type = std::chrono::steady_clock;

void check(bool well, const char* what) {
    if (!well) {
        throw std::system_error(errno, std::generic_category(), what);
    }
}

template <class Address>
sockaddr* as_sockaddr(Address& address) noexcept {
    return reinterpret_cast<sockaddr*>(&address); // NOLINT: the socket interface's own way
}

class delaying_proxy {
public:
    delaying_proxy(std::string upstream, std::chrono::microseconds each_way)
        : upstream_(std::move(upstream)),
          delay_(each_way) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        check(::bind(listener_, as_sockaddr(address), sizeof(address)) == 0 &&
                  ::listen(listener_, SOMAXCONN) == 0,
              "listening on the loopback");
        watch(listener_);
        watch(STDIN_FILENO);
        ::prctl(PR_SET_TIMERSLACK, 1UL); // nanoseconds, of lateness that the kernel may add to a timeout
    }

    [[nodiscard]] unsigned port() const {
        sockaddr_in address{};
        socklen_t size = sizeof(address);
        check(::getsockname(listener_, as_sockaddr(address), &size) == 0, "the port");
        return ntohs(address.sin_port);
    }

    void run() {
        std::array<epoll_event, 64> events{};
        while (true) {
            const int count = wait(events);
            for (int i = 0; i < count; ++i) {
                const int ready = events.at(static_cast<std::size_t>(i)).data.fd;
                if (ready == STDIN_FILENO) {
                    return;
                }
                if (ready == listener_) {
                    accept();
                } else {
                    receive(ready);
                }
            }
            pass_on();
        }
    }

private:
    /// What was received, for the socket at the other end; no bytes stand for the end of the connection.
    struct piece {
        clock_type::time_point due;
        int to;
        std::string bytes;
    };

    void watch(int descriptor) const {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = descriptor;
        check(::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0, "watching a socket");
    }

    /// Every delay is the same, so what was received first is due first.
    int wait(std::array<epoll_event, 64>& events) const {
        timespec timeout{};
        if (!held_.empty()) {
            const auto left = std::max(held_.front().due - clock_type::now(), clock_type::duration::zero());
            const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
            timeout.tv_sec = seconds.count();
            timeout.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
        }
        const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()),
                                         held_.empty() ? nullptr : &timeout, nullptr);
        check(count >= 0 || errno == EINTR, "waiting");
        return count;
    }

    void accept() {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        check(client >= 0, "accepting a connection");
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        upstream_.copy(address.sun_path, sizeof(address.sun_path) - 1);
        check(::connect(server, as_sockaddr(address), sizeof(address)) == 0, "connecting to the server");
        other_end_[client] = server;
        other_end_[server] = client;
        watch(client);
        watch(server);
    }

    void receive(int from) {
        const ssize_t count = ::recv(from, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        std::string bytes(buffer_.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
        if (bytes.empty()) {
            ::epoll_ctl(epoll_, EPOLL_CTL_DEL, from, nullptr);
        }
        held_.push_back({clock_type::now() + delay_, other_end_.at(from), std::move(bytes)});
    }

    void pass_on() {
        for (; !held_.empty() && held_.front().due <= clock_type::now(); held_.pop_front()) {
            const auto& [due, to, bytes] = held_.front();
            if (bytes.empty()) {
                end(to);
            } else if (other_end_.contains(to)) {
                send_all(to, bytes);
            }
        }
    }

    /// Both ends are closed when the second one has been told.
    void end(int to) {
        ::shutdown(to, SHUT_WR);
        if (!ended_.insert(to).second) {
            return;
        }
        const int from = other_end_.at(to);
        if (ended_.contains(from)) {
            for (const int each : {to, from}) {
                ended_.erase(each);
                other_end_.erase(each);
                ::close(each);
            }
        }
    }

    /// Waits if the receiver does not read: neither side sends more than a socket's buffer holds before it
    /// reads.
    static void send_all(int to, std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count < 0 && errno != EINTR) {
                return; // its end will be seen, too
            }
            bytes.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
        }
    }

    std::string upstream_;
    std::chrono::microseconds delay_;
    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::array<char, 65536> buffer_{};
    std::unordered_map<int, int> other_end_;
    std::unordered_set<int> ended_;
    std::deque<piece> held_;
};

} // namespace

int main(int argc, char** argv) {
    try {
        unsigned delay = 0;
        const std::string_view text = argc == 3 ? argv[2] : "";
        if (std::from_chars(text.data(), text.data() + text.size(), delay).ec != std::errc()) {
            std::cerr << "usage: delaying_proxy SOCKET_PATH MICROSECONDS\n";
            return 64;
        }
        delaying_proxy proxy(argv[1], std::chrono::microseconds(delay));
        std::cout << proxy.port() << std::endl;
        proxy.run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "delaying_proxy: " << error.what() << '\n';
        return 69;
    }
}
