// SPDX-License-Identifier: Apache-2.0
// Calls, timers and waits of the model.

#include "testing/model/scheduler.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dmkit::model {
namespace {

constexpr absl::Duration kCallDuration = absl::Microseconds(1);
// Of real time.
constexpr std::chrono::milliseconds kTurn(1);

}  // namespace

Scheduler::Scheduler(absl::Time start) : now_(start) {}

Scheduler::Call::Call(Scheduler& scheduler, int process)
    : scheduler_(scheduler), process_(process), lock_(scheduler.mutex_) {
  scheduler_.call_ = this;
  scheduler_.Advance(kCallDuration);
}

Scheduler::Call::~Call() {
  scheduler_.RunQueue();
  scheduler_.call_ = nullptr;
  if (has_slept_) --scheduler_.sleepers_;
  scheduler_.changed_.notify_all();
}

void Scheduler::Advance(absl::Duration duration) {
  const absl::Time until = now_ + std::max(duration, absl::ZeroDuration());
  while (FireNextTimer(until)) RunQueue();
  now_ = until;
}

template <typename WaitFunction>
void Scheduler::LetOthersRun(const WaitFunction& wait) {
  Call* const call = call_;
  const int io_depth = std::exchange(io_depth_, 0);
  wait(call->lock_);
  call_ = call;
  io_depth_ = io_depth;
}

void Scheduler::Pause(absl::Duration duration) {
  if (blocking_ == Blocking::kSleep) {
    changed_.notify_all();
    LetOthersRun([this](std::unique_lock<std::mutex>& lock) {
      changed_.wait_for(lock, kTurn, [] { return false; });
    });
  }
  Advance(duration);
}

Scheduler::TimerId Scheduler::After(absl::Duration delay, std::function<void()> action) {
  const TimerId timer = next_timer_++;
  const absl::Time time = now_ + delay;
  timers_.emplace(std::make_pair(time, timer), std::move(action));
  timer_times_.emplace(timer, time);
  return timer;
}

void Scheduler::Cancel(TimerId timer) {
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, timer});
  timer_times_.erase(found);
}

void Scheduler::RunQueue() {
  while (!queue_.empty()) {
    const std::function<void()> action = std::move(queue_.front());
    queue_.pop_front();
    action();
  }
}

// False when no timer is due by `until`.
bool Scheduler::FireNextTimer(absl::Time until) {
  if (timers_.empty() || timers_.begin()->first.first > until) return false;
  auto next = timers_.extract(timers_.begin());
  timer_times_.erase(next.key().second);
  now_ = std::max(now_, next.key().first);
  next.mapped()();
  return true;
}

int Scheduler::Wait(WaitKind kind, absl::string_view what, const std::function<bool()>& ready) {
  if (ready()) return 0;
  RunQueue();
  if (ready()) return 0;
  if (blocking_ == Blocking::kSleep) return Sleep(kind, ready);
  while (FireNextTimer(absl::InfiniteFuture())) {
    RunQueue();
    if (ready()) return 0;
  }
  return Refuse(kind, what);
}

int Scheduler::Refuse(WaitKind kind, absl::string_view what) {
  hangs_.emplace_back(what);
  return kind == WaitKind::kInterruptible ? -EINTR : -EDEADLK;
}

int Scheduler::Sleep(WaitKind kind, const std::function<bool()>& ready) {
  Call* const call = call_;
  if (!call->has_slept_) ++sleepers_;
  call->has_slept_ = true;
  const uint64_t interrupts = interrupts_[call->process_];
  // What this call has changed so far may be what others sleep for.
  changed_.notify_all();
  while (true) {
    if (is_losing_power_) return -EINTR;
    if (ready()) return 0;
    if (kind == WaitKind::kInterruptible && interrupts_[call->process_] != interrupts) {
      return -EINTR;
    }
    LetOthersRun([this](std::unique_lock<std::mutex>& lock) { changed_.wait(lock); });
  }
}

void Scheduler::Interrupt(int process) { ++interrupts_[process]; }

void Scheduler::Kill(int process) {
  ++deaths_[process];
  Interrupt(process);
}

uint64_t Scheduler::deaths(int process) const {
  const auto found = deaths_.find(process);
  return found == deaths_.end() ? 0 : found->second;
}

void Scheduler::LosePower() {
  is_losing_power_ = true;
  changed_.notify_all();
  LetOthersRun([this](std::unique_lock<std::mutex>& lock) {
    changed_.wait(lock, [this] { return sleepers_ == 0; });
  });
  is_losing_power_ = false;
  queue_.clear();
  timers_.clear();
  timer_times_.clear();
}

}  // namespace dmkit::model
