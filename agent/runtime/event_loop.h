// SPDX-License-Identifier: Apache-2.0
//
// The broker's one loop, on sd-event. Everything in agent/ runs on its thread, and nothing that
// runs there may wait.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/runtime/time_source.h"

struct sd_event;
struct sd_event_source;

namespace ecryptfs::agent {

class EventLoop : public TimeSource {
  public:
    // An event's handler, called until this object is destroyed, which its own handler may do. An
    // exception that leaves a handler is logged and ends nothing.
    class Source {
      public:
        Source() = default;
        Source(Source&& other) noexcept;
        Source& operator=(Source&& other) noexcept;
        Source(const Source&) = delete;
        Source& operator=(const Source&) = delete;
        ~Source();

        explicit operator bool() const { return source_ != nullptr; }

        // For descriptors: which of EPOLLIN and EPOLLOUT to wait for.
        void set_io_events(std::uint32_t events);
        // For timers: runs the handler once, after `delay`; stop() disarms.
        void run_after(Clock::duration delay);
        void stop();

      private:
        friend class EventLoop;
        struct Handler;
        struct Discard {
            void operator()(Handler* handler) const noexcept;
        };
        using HandlerPtr = std::unique_ptr<Handler, Discard>;
        Source(sd_event_source* source, HandlerPtr handler);

        sd_event_source* source_ = nullptr;
        HandlerPtr handler_;
    };

    EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;
    ~EventLoop() override;

    Clock::time_point now() const override { return Clock::now(); }
    std::unique_ptr<Timer> make_timer(Clock::duration accuracy,
                                      std::move_only_function<void()> handler) override;

    // Borrows `fd`. The handler gets epoll's event bits.
    Source on_io(int fd, std::uint32_t events,
                 std::move_only_function<void(std::uint32_t)> handler);
    // Reaps the child. The handler gets its wait status as siginfo_t's si_code and si_status.
    Source on_child_exit(pid_t pid, std::move_only_function<void(int code, int status)> handler);
    // Reaps a child when it ends, and tells nobody.
    void reap(pid_t pid);
    // Blocks the signal's default action for this process.
    Source on_signal(int signal_number, std::move_only_function<void()> handler);
    // Not running yet. Late by up to `accuracy`.
    Source timer(Clock::duration accuracy, std::move_only_function<void()> handler);
    // When something with this name appears in `folder`, or its permissions change.
    Source on_file_change(const std::string& folder, const std::string& name,
                          std::move_only_function<void()> handler);
    // Once, when the loop has nothing else to do.
    Source when_idle(std::move_only_function<void()> handler);

    // Runs until exit(); gives its code.
    int run();
    void exit(int code);

    // The number of events that were handled: while it is the same, it is the same moment.
    std::uint64_t turn() const;

    // For sd_bus_attach_event(). Borrowed.
    sd_event* native() const { return event_; }

  private:
    sd_event* event_ = nullptr;
};

// Whether `fd` has something to read now.
bool has_input(int fd);

// Whether the process of this pidfd ends within so many milliseconds; a negative number waits for
// ever.
bool has_ended(int process, int milliseconds);

}  // namespace ecryptfs::agent
