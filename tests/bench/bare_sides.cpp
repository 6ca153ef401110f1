// SPDX-License-Identifier: Apache-2.0
//
// What processes and sockets cost, whatever is done with them.

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

#include "lib/base/handle.h"
#include "tests/bench/side.h"
#include "tests/bench/threads.h"

namespace ecryptfs::bench {
namespace {

// About what a request and its reply take.
using Frame = std::array<char, 300>;

// A process that reads a frame from a socket of the kind that an agent uses, works, and writes it
// back.
class Worker {
  public:
    explicit Worker(const std::function<void()>& work) {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
            throw std::runtime_error("benchmark: socketpair");
        }
        ours_.reset(ends[0]);
        const base::UniqueFd theirs(ends[1]);
        child_ = ::fork();
        if (child_ == 0) {
            ours_.reset();
            serve(theirs.get(), work);
        }
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() {
        ours_.reset();
        ::waitpid(child_, nullptr, 0);
    }

    void send() const {
        const Frame frame{};
        if (::send(ours_.get(), frame.data(), frame.size(), MSG_NOSIGNAL) <= 0) {
            throw std::runtime_error("benchmark: send");
        }
    }
    void receive() const {
        Frame frame;
        if (::recv(ours_.get(), frame.data(), frame.size(), 0) <= 0) {
            throw std::runtime_error("benchmark: recv");
        }
    }
    void ask() const {
        send();
        receive();
    }

  private:
    [[noreturn]] static void serve(int socket, const std::function<void()>& work) {
        Frame frame;
        while (::read(socket, frame.data(), frame.size()) > 0) {
            work();
            if (::write(socket, frame.data(), frame.size()) <= 0) {
                break;
            }
        }
        ::_exit(0);
    }

    base::UniqueFd ours_;
    pid_t child_ = 0;
};

class BareSocket : public Side {
  public:
    explicit BareSocket(std::size_t in_flight) : in_flight_(in_flight) {}

    double rate(Seconds time) override {
        return rate_of_threads(1, time, [&] {
            return [&] {
                for (; waiting_ < in_flight_; ++waiting_) {
                    echo_.send();
                }
                echo_.receive();
                --waiting_;
            };
        });
    }

  private:
    std::size_t in_flight_;
    std::size_t waiting_ = 0;
    Worker echo_{[] {}};
};

struct BareAgent {
    explicit BareAgent(const std::function<void()>& operation) : host(operation) {}

    Worker host;
    Worker broker{[this] { host.ask(); }};
};

}  // namespace

std::unique_ptr<Side> bare_socket(std::size_t in_flight) {
    return std::make_unique<BareSocket>(in_flight);
}

std::function<void()> bare_agent(const std::function<void()>& operation) {
    return [agent = std::make_shared<BareAgent>(operation)] { agent->broker.ask(); };
}

}  // namespace ecryptfs::bench
