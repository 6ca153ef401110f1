// SPDX-License-Identifier: Apache-2.0

#include "agent/runtime/event_loop.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36's does not say so itself
}

#include <utility>

#include "agent/runtime/exception_wall.h"
#include "agent/runtime/time_limits.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::agent {
namespace {

int check(const char* what, int result) {
    if (result < 0) {
        throw base::Failure(base::system_error(base::ErrorCode::kInternal, what, -result));
    }
    return result;
}

std::uint64_t to_usec(Clock::duration duration) {
    const auto count = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

void block(int signal_number) {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, signal_number);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
}

class LoopTimer : public Timer {
  public:
    explicit LoopTimer(EventLoop::Source source) : source_(std::move(source)) {}

    void run_after(Clock::duration delay) override { source_.run_after(delay); }
    void stop() override { source_.stop(); }

  private:
    EventLoop::Source source_;
};

}  // namespace

// What sd-event hands back to us: one of the kinds of handlers is set.
struct EventLoop::Source::Handler {
    std::move_only_function<void(std::uint32_t)> io;
    std::move_only_function<void(int, int)> child;
    std::move_only_function<void()> plain;
    std::string file_name;
    bool running = false;
    bool orphaned = false;  // its Source went while it ran

    // sd-event drops a source whose handler fails; ours stay.
    template <typename Call>
    static int run(void* data, Call call) noexcept {
        auto* self = static_cast<Handler*>(data);
        self->running = true;
        const auto handle = [&] {
            call(*self);
            return 0;
        };
        guarded("event handler", handle);
        self->running = false;
        if (self->orphaned) {
            delete self;
        }
        return 0;
    }

    static int on_io(sd_event_source* /*source*/, int /*fd*/, std::uint32_t events, void* data) {
        return run(data, [=](Handler& self) { self.io(events); });
    }
    static int on_child(sd_event_source* /*source*/, const siginfo_t* info, void* data) {
        return run(data, [=](Handler& self) { self.child(info->si_code, info->si_status); });
    }
    static int on_signal(sd_event_source* /*source*/, const signalfd_siginfo* /*info*/,
                         void* data) {
        return run(data, [](Handler& self) { self.plain(); });
    }
    static int on_time(sd_event_source* /*source*/, std::uint64_t /*usec*/, void* data) {
        return run(data, [](Handler& self) { self.plain(); });
    }
    static int on_inotify(sd_event_source* /*source*/, const inotify_event* event, void* data) {
        return run(data, [=](Handler& self) {
            if (event->len > 0 && self.file_name == event->name) {
                self.plain();
            }
        });
    }
    static int on_defer(sd_event_source* /*source*/, void* data) {
        return run(data, [](Handler& self) { self.plain(); });
    }
};

void EventLoop::Source::Discard::operator()(Handler* handler) const noexcept {
    if (handler->running) {
        handler->orphaned = true;
    } else {
        delete handler;
    }
}

EventLoop::Source::Source(sd_event_source* source, HandlerPtr handler)
    : source_(source), handler_(std::move(handler)) {}

EventLoop::Source::Source(Source&& other) noexcept
    : source_(std::exchange(other.source_, nullptr)), handler_(std::move(other.handler_)) {}

EventLoop::Source& EventLoop::Source::operator=(Source&& other) noexcept {
    if (this != &other) {
        ::sd_event_source_disable_unref(source_);
        source_ = std::exchange(other.source_, nullptr);
        handler_ = std::move(other.handler_);
    }
    return *this;
}

EventLoop::Source::~Source() {
    ::sd_event_source_disable_unref(source_);
}

void EventLoop::Source::set_io_events(std::uint32_t events) {
    check("sd_event_source_set_io_events", ::sd_event_source_set_io_events(source_, events));
}

void EventLoop::Source::run_after(Clock::duration delay) {
    check("sd_event_source_set_time_relative",
          ::sd_event_source_set_time_relative(source_, to_usec(delay)));
    check("sd_event_source_set_enabled", ::sd_event_source_set_enabled(source_, SD_EVENT_ONESHOT));
}

void EventLoop::Source::stop() {
    check("sd_event_source_set_enabled", ::sd_event_source_set_enabled(source_, SD_EVENT_OFF));
}

EventLoop::EventLoop() {
    block(SIGCHLD);  // else sd-event refuses to watch children
    check("sd_event_new", ::sd_event_new(&event_));
}

EventLoop::~EventLoop() {
    ::sd_event_unref(event_);
}

EventLoop::Source EventLoop::on_io(int fd, std::uint32_t events,
                                   std::move_only_function<void(std::uint32_t)> handler) {
    Source::HandlerPtr owned(new Source::Handler);
    owned->io = std::move(handler);
    sd_event_source* source = nullptr;
    check("sd_event_add_io",
          ::sd_event_add_io(event_, &source, fd, events, Source::Handler::on_io, owned.get()));
    return {source, std::move(owned)};
}

EventLoop::Source EventLoop::on_child_exit(pid_t pid,
                                           std::move_only_function<void(int, int)> handler) {
    Source::HandlerPtr owned(new Source::Handler);
    owned->child = std::move(handler);
    sd_event_source* source = nullptr;
    check("sd_event_add_child", ::sd_event_add_child(event_, &source, pid, WEXITED,
                                                     Source::Handler::on_child, owned.get()));
    return {source, std::move(owned)};
}

void EventLoop::reap(pid_t pid) {
    if (::sd_event_get_state(event_) == SD_EVENT_FINISHED) {
        // Init reaps it, but the service manager would warn of it as left over. It was killed: that
        // is soon, unless the kernel holds it.
        const base::UniqueFd process(::pidfd_open(pid, 0));
        has_ended(process.get(), static_cast<int>(kReapLimit.count()));
        return;
    }
    // A floating source: it belongs to the loop until it is done.
    const auto forget = [](sd_event_source* source, const siginfo_t* /*info*/,
                           void* /*data*/) noexcept {
        ::sd_event_source_set_floating(source, 0);  // which frees it, as nobody else refers to it
        return 0;
    };
    check("sd_event_add_child",
          ::sd_event_add_child(event_, nullptr, pid, WEXITED, forget, nullptr));
}

EventLoop::Source EventLoop::on_signal(int signal_number, std::move_only_function<void()> handler) {
    block(signal_number);
    Source::HandlerPtr owned(new Source::Handler);
    owned->plain = std::move(handler);
    sd_event_source* source = nullptr;
    check("sd_event_add_signal", ::sd_event_add_signal(event_, &source, signal_number,
                                                       Source::Handler::on_signal, owned.get()));
    return {source, std::move(owned)};
}

EventLoop::Source EventLoop::timer(Clock::duration accuracy,
                                   std::move_only_function<void()> handler) {
    Source::HandlerPtr owned(new Source::Handler);
    owned->plain = std::move(handler);
    sd_event_source* source = nullptr;
    check("sd_event_add_time",
          ::sd_event_add_time(event_, &source, CLOCK_MONOTONIC, 0, to_usec(accuracy),
                              Source::Handler::on_time, owned.get()));
    Source timer{source, std::move(owned)};
    timer.stop();
    return timer;
}

std::unique_ptr<Timer> EventLoop::make_timer(Clock::duration accuracy,
                                             std::move_only_function<void()> handler) {
    return std::make_unique<LoopTimer>(timer(accuracy, std::move(handler)));
}

EventLoop::Source EventLoop::on_file_change(const std::string& folder, const std::string& name,
                                            std::move_only_function<void()> handler) {
    Source::HandlerPtr owned(new Source::Handler);
    owned->plain = std::move(handler);
    owned->file_name = name;
    sd_event_source* source = nullptr;
    check("sd_event_add_inotify", ::sd_event_add_inotify(event_, &source, folder.c_str(),
                                                         IN_CREATE | IN_MOVED_TO | IN_ATTRIB,
                                                         Source::Handler::on_inotify, owned.get()));
    return {source, std::move(owned)};
}

EventLoop::Source EventLoop::when_idle(std::move_only_function<void()> handler) {
    Source::HandlerPtr owned(new Source::Handler);
    owned->plain = std::move(handler);
    sd_event_source* source = nullptr;
    check("sd_event_add_defer",
          ::sd_event_add_defer(event_, &source, Source::Handler::on_defer, owned.get()));
    return {source, std::move(owned)};
}

std::uint64_t EventLoop::turn() const {
    std::uint64_t turn = 0;
    check("sd_event_get_iteration", ::sd_event_get_iteration(event_, &turn));
    return turn;
}

int EventLoop::run() {
    return check("sd_event_loop", ::sd_event_loop(event_));
}

void EventLoop::exit(int code) {
    check("sd_event_exit", ::sd_event_exit(event_, code));
}

bool has_input(int fd) {
    pollfd waiting{fd, POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0;
}

bool has_ended(int process, int milliseconds) {
    pollfd end{process, POLLIN, 0};
    return ::poll(&end, 1, milliseconds) == 1;
}

}  // namespace ecryptfs::agent
