// SPDX-License-Identifier: Apache-2.0
// One lock, virtual time, deferred work and blocking: what makes the model deterministic. Nothing
// of devices or files.
//
// Every call through the seam holds one Call from its start to its end, so parts of the model never
// run side by side and need no locks of their own. Work that a real kernel gives to a workqueue is
// queued here and done before the call returns; timers fire when virtual time passes them.
//
// A call that has to wait first lets queued work and timers do what they can: virtual time jumps to
// the next timer, again and again. When nothing is left that could end the wait, the Blocking mode
// decides. Timers must be armed only while there is something for them to do, or a wait has no end.

#ifndef DMKIT_TESTING_MODEL_SCHEDULER_H_
#define DMKIT_TESTING_MODEL_SCHEDULER_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dmkit::model {

// What becomes of a wait that nothing in the model will end.
enum class Blocking {
  // It ends at once: -EINTR where a signal would end it, -EDEADLK (which no kernel returns) where
  // nothing would. Listed by Hangs(). For programs with one thread.
  kRefuse,
  // The thread sleeps until another one changes something, or Interrupt() comes. Time stands still
  // meanwhile unless another thread moves it.
  kSleep,
};

enum class WaitKind { kInterruptible, kUninterruptible };

class Scheduler {
 public:
  explicit Scheduler(absl::Time start);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Holds the model for one call of `process`: moves time by a microsecond at its start, does the
  // queued work at its end. Calls do not nest: whoever runs a modelled program, which makes calls
  // of its own, holds none meanwhile.
  class Call {
   public:
    Call(Scheduler& scheduler, int process);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    friend class Scheduler;
    Scheduler& scheduler_;
    const int process_;
    bool has_slept_ = false;
    std::unique_lock<std::mutex> lock_;
  };

  // All that follows needs a Call.

  absl::Time Now() const { return now_; }
  // Moves virtual time, firing the timers on the way.
  void Advance(absl::Duration duration);
  // The same for a caller that sleeps. With Blocking::kSleep it lets the other threads make calls
  // before: who looks again and again whether something was done must not be at the end of its
  // patience before those who do it had their turn.
  void Pause(absl::Duration duration);

  using TimerId = uint64_t;
  TimerId After(absl::Duration delay, std::function<void()> action);
  // Does nothing for a timer that has fired.
  void Cancel(TimerId timer);
  // Does `action` before the current call returns, behind what was queued before.
  void Queue(std::function<void()> action) { queue_.push_back(std::move(action)); }
  // Does what is queued now, and what that queues.
  void RunQueue();

  // Returns 0 as soon as `ready` gives true, a negative errno as Blocking says otherwise. `what` is
  // for Hangs(): "read of dm-3: suspended".
  int Wait(WaitKind kind, absl::string_view what, const std::function<bool()>& ready);
  // Ends the interruptible waits of `process` with -EINTR, as a signal would.
  void Interrupt(int process);
  // The same for a process that ends. A wait that goes on after a signal looks at deaths().
  void Kill(int process);
  // How often the process of that number has ended.
  uint64_t deaths(int process) const;
  // The power went: ends all waits with -EINTR, also those that begin now, returns when the calls
  // that waited have returned, and forgets timers and queued work.
  void LosePower();

  void SetBlocking(Blocking blocking) { blocking_ = blocking; }
  const std::vector<std::string>& Hangs() const { return hangs_; }
  // The process of the call that is being made.
  int process() const { return call_->process_; }
  // How deep the running call is in io that leads to io. Each call that sleeps has its own.
  int& io_depth() { return io_depth_; }

 private:
  // Lets others run; what is the running call's own is as before when it returns.
  template <typename WaitFunction>
  void LetOthersRun(const WaitFunction& wait);
  bool FireNextTimer(absl::Time until);
  int Refuse(WaitKind kind, absl::string_view what);
  int Sleep(WaitKind kind, const std::function<bool()>& ready);

  std::mutex mutex_;
  std::condition_variable changed_;
  Call* call_ = nullptr;
  absl::Time now_;
  std::map<std::pair<absl::Time, TimerId>, std::function<void()>> timers_;
  std::map<TimerId, absl::Time> timer_times_;
  TimerId next_timer_ = 1;
  std::deque<std::function<void()>> queue_;
  Blocking blocking_ = Blocking::kRefuse;
  std::vector<std::string> hangs_;
  std::map<int, uint64_t> interrupts_;  // by process
  std::map<int, uint64_t> deaths_;      // by process
  int io_depth_ = 0;
  bool is_losing_power_ = false;
  int sleepers_ = 0;  // calls that have slept and have not returned
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_SCHEDULER_H_
