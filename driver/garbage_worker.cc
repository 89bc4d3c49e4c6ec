// SPDX-License-Identifier: Apache-2.0

#include "driver/garbage_worker.h"

#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "sys/host.h"

namespace dmkit::driver {
namespace {

// What stopping waits for between passes: a clock's sleep cannot be cut short.
constexpr absl::Duration kSlice = absl::Milliseconds(100);

}  // namespace

GarbageWorker::GarbageWorker(sys::Clock& clock, const Options& options, Pass pass)
    : clock_(clock), options_(options), pass_(std::move(pass)), thread_([this] { Run(); }) {}

GarbageWorker::~GarbageWorker() { Stop(); }

void GarbageWorker::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

bool GarbageWorker::stopping() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stopping_;
}

void GarbageWorker::Run() {
  while (!stopping()) {
    absl::Status status = pass_(options_.patience);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++passes_;
      last_ = std::move(status);
    }
    const absl::Time next = clock_.Now() + options_.period;
    while (!stopping() && clock_.Now() < next) clock_.Sleep(kSlice);
  }
}

uint64_t GarbageWorker::passes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return passes_;
}

absl::Status GarbageWorker::last() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return last_;
}

}  // namespace dmkit::driver
