// SPDX-License-Identifier: Apache-2.0
// Threads that sleep, and signals that wake them.

#include "testing/conformance/beside.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "sys/durable.h"
#include "sys/linux_host.h"
#include "sys/status.h"

namespace dmkit::conformance {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(2);
// A thread is asleep when it was in so many looks in a row: a page fault or a lock is shorter.
constexpr int kLooks = 10;

// 'S' or 'D' while the thread sleeps; the name in front of it has no parenthesis.
bool IsAsleep(const sys::Host& host, int thread) {
  const auto stat =
      sys::ReadFile(*host.root, absl::StrCat("/proc/self/task/", thread, "/stat"), 4096);
  if (!stat.ok()) return false;
  const size_t at = stat->rfind(") ");
  return at != std::string::npos && (stat->at(at + 2) == 'S' || stat->at(at + 2) == 'D');
}

void Ignore(int) {}

}  // namespace

void Sleepers::RunBeside(const std::function<void()>& sleeper, const std::function<void()>& then) {
  const sys::LinuxHost linux_host;
  const sys::Host host = linux_host.host();
  std::atomic<int> id = 0;
  std::atomic<bool> has_ended = false;
  std::thread thread([&] {
    id = gettid();
    sleeper();
    has_ended = true;
  });
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    threads_.insert(thread.native_handle());
  }
  for (int looks = 0; looks < kLooks && !has_ended;) {
    host.clock->Sleep(kTick);
    looks = id != 0 && IsAsleep(host, id) ? looks + 1 : 0;
  }
  then();
  const pthread_t handle = thread.native_handle();
  thread.join();
  const std::lock_guard<std::mutex> lock(mutex_);
  threads_.erase(handle);
}

void Sleepers::Interrupt() {
  struct sigaction action = {};
  action.sa_handler = Ignore;
  DMKIT_CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const pthread_t thread : threads_) pthread_kill(thread, SIGUSR1);
}

}  // namespace dmkit::conformance
