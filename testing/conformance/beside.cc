// SPDX-License-Identifier: Apache-2.0
// Threads that sleep, and signals that wake them.

#include "testing/conformance/beside.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "sys/durable.h"
#include "sys/linux_host.h"

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

void RunBeside(const std::function<void()>& sleeper, const std::function<void()>& then) {
  const sys::LinuxHost linux_host;
  const sys::Host host = linux_host.host();
  std::atomic<int> id = 0;
  std::atomic<bool> has_ended = false;
  std::thread thread([&] {
    id = gettid();
    sleeper();
    has_ended = true;
  });
  for (int looks = 0; looks < kLooks && !has_ended;) {
    host.clock->Sleep(kTick);
    looks = id != 0 && IsAsleep(host, id) ? looks + 1 : 0;
  }
  then();
  thread.join();
}

void RunWithSignals(const std::function<void()>& body) {
  const sys::LinuxHost linux_host;
  const sys::Host host = linux_host.host();
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_handler = Ignore;
  sigaction(SIGUSR1, &action, &before);
  std::atomic<bool> has_ended = false;
  std::thread thread([&] {
    body();
    has_ended = true;
  });
  while (!has_ended) {
    host.clock->Sleep(kTick);
    pthread_kill(thread.native_handle(), SIGUSR1);
  }
  thread.join();
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace dmkit::conformance
