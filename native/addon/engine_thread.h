// One context and the one thread that uses it: tasks run there in order, so that neither the event loop nor the
// thread pool waits for a GPU. Knows nothing of JavaScript.
#pragma once
#include <sluice.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace sluice_addon {

class EngineThread {
  public:
    using Task = std::function<void(sluice_context*)>;

    EngineThread() : thread_([this] { loop(); }) {}
    // Asks a running job to stop, drops nothing that was posted, and waits for the thread.
    ~EngineThread() { close(); }
    EngineThread(const EngineThread&) = delete;
    EngineThread& operator=(const EngineThread&) = delete;

    bool post(Task task);  // false after close: the task will not run
    void cancel();
    void close();  // may be called twice, from different threads

    // Grows with every cancel. A task that was posted at another count has been cancelled, also when the engine
    // forgot the cancel because the call had not begun yet.
    uint64_t cancels() const { return cancels_.load(); }

    // From tasks only: the context is created by the first task.
    void adopt(sluice_context* context);

  private:
    void loop();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Task> tasks_;
    sluice_context* context_ = nullptr;  // written by the thread, under the mutex
    bool closing_ = false;
    std::atomic<uint64_t> cancels_{0};
    std::mutex join_mutex_;
    std::thread thread_;  // last: it uses the members above
};

}  // namespace sluice_addon
