// One context and the one thread that uses it: tasks run there in order, so that neither the event loop nor the
// thread pool waits for a GPU. Knows nothing of JavaScript.
#pragma once
#include <sluice.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace sluice_addon {

class EngineThread {
  public:
    using Task = std::function<void(sluice_context*)>;

    EngineThread();
    // Asks a running job to stop, drops nothing that was posted, and waits for the thread; unless it runs on that
    // thread itself, whose last task may be the last owner: then the thread ends by itself.
    ~EngineThread() { close(); }
    EngineThread(const EngineThread&) = delete;
    EngineThread& operator=(const EngineThread&) = delete;

    bool post(Task task);  // false after close: the task will not run
    void cancel();
    void close();  // may be called twice, from different threads

    // Grows with every cancel. A task that was posted at another count has been cancelled, also when the engine
    // forgot the cancel because the call had not begun yet.
    uint64_t cancels() const { return state_->cancels.load(); }

    // From tasks only: the context is created by the first task.
    void adopt(sluice_context* context);

  private:
    // Shared with the thread, which may outlive this object.
    struct State {
        std::mutex mutex;
        std::condition_variable wake;
        std::deque<Task> tasks;
        sluice_context* context = nullptr;  // written by the thread, under the mutex
        bool closing = false;
        std::atomic<uint64_t> cancels{0};
    };
    static void loop(const std::shared_ptr<State>& state);

    std::shared_ptr<State> state_ = std::make_shared<State>();
    std::mutex join_mutex_;
    std::thread thread_;
};

}  // namespace sluice_addon
