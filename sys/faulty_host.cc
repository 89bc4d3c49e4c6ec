// SPDX-License-Identifier: Apache-2.0
// The plan, the log, and the parts of the faulty host that are not files.

#include "sys/faulty_host.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sys/faulty_internal.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::sys {
namespace internal {

void FaultyState::SetPlan(FaultyHost::Plan plan) {
  const std::lock_guard<std::mutex> lock(mutex_);
  plan_ = std::move(plan);
  log_.clear();
}

absl::Status FaultyState::Admit(absl::string_view method, std::string object) {
  const std::lock_guard<std::mutex> lock(mutex_);
  log_.push_back(Entry{method, std::move(object)});
  const SeamCall call{log_.size(), method, log_.back().object};
  const int error = plan_ == nullptr ? 0 : plan_(call);
  if (error == 0) return absl::OkStatus();
  return ErrnoStatus(
      error, absl::StrCat(method, " ", call.object, ": failed on purpose as call ", call.number));
}

bool FaultyState::AdmitSleep() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return plan_ == nullptr || plan_(SeamCall{log_.size(), "Sleep", ""}) == 0;
}

void FaultyState::HandleOpened() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++open_handles_;
}

void FaultyState::HandleClosed() {
  const std::lock_guard<std::mutex> lock(mutex_);
  --open_handles_;
}

uint64_t FaultyState::calls() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return log_.size();
}

uint64_t FaultyState::CountOf(absl::string_view method) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<uint64_t>(std::count_if(
      log_.begin(), log_.end(), [method](const Entry& entry) { return entry.method == method; }));
}

std::vector<std::string> FaultyState::Log() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> lines;
  lines.reserve(log_.size());
  for (const Entry& entry : log_) {
    lines.push_back(absl::StrCat(entry.method, entry.object.empty() ? "" : " ", entry.object));
  }
  return lines;
}

uint64_t FaultyState::open_handles() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return open_handles_;
}

namespace {

class FaultyMounts : public Mounts {
 public:
  FaultyMounts(std::shared_ptr<FaultyState> state, Mounts& inner)
      : state_(std::move(state)), inner_(inner) {}

  absl::StatusOr<std::unique_ptr<Dir>> Mount(const MountRequest& request) override {
    DMKIT_RETURN_IF_ERROR(
        state_->Admit("Mount", absl::StrCat(request.source, " on ", request.target)));
    DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<Dir> root, inner_.Mount(request));
    return MakeFaultyDir(state_, std::move(root), request.target);
  }
  absl::Status Unmount(absl::string_view target, UnmountMode mode) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Unmount", std::string(target)));
    return inner_.Unmount(target, mode);
  }

 private:
  std::shared_ptr<FaultyState> state_;
  Mounts& inner_;
};

class FaultyProcesses : public Processes {
 public:
  FaultyProcesses(std::shared_ptr<FaultyState> state, Processes& inner)
      : state_(std::move(state)), inner_(inner) {}

  absl::StatusOr<ProcessResult> Run(const std::vector<std::string>& argv,
                                    absl::Duration timeout) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Run", argv.empty() ? "" : argv.front()));
    return inner_.Run(argv, timeout);
  }
  absl::StatusOr<std::string> Find(absl::string_view program) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Find", std::string(program)));
    return inner_.Find(program);
  }
  int32_t ProcessId() override { return inner_.ProcessId(); }
  uint32_t EffectiveUserId() override { return inner_.EffectiveUserId(); }
  absl::Status LockMemory() override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("LockMemory", ""));
    return inner_.LockMemory();
  }
  absl::Status UnlockMemory() override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("UnlockMemory", ""));
    return inner_.UnlockMemory();
  }

 private:
  std::shared_ptr<FaultyState> state_;
  Processes& inner_;
};

class FaultySemaphores : public Semaphores {
 public:
  FaultySemaphores(std::shared_ptr<FaultyState> state, Semaphores& inner)
      : state_(std::move(state)), inner_(inner) {}

  absl::StatusOr<int32_t> Create(uint32_t key) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Create", KeyLabel(key)));
    return inner_.Create(key);
  }
  absl::StatusOr<int32_t> Find(uint32_t key) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Find", KeyLabel(key)));
    return inner_.Find(key);
  }
  absl::StatusOr<int32_t> Value(int32_t id) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Value", IdLabel(id)));
    return inner_.Value(id);
  }
  absl::Status SetValue(int32_t id, int32_t value) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("SetValue", IdLabel(id)));
    return inner_.SetValue(id, value);
  }
  absl::Status Add(int32_t id, int32_t delta) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Add", IdLabel(id)));
    return inner_.Add(id, delta);
  }
  absl::StatusOr<bool> WaitForZero(int32_t id, absl::Duration timeout) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("WaitForZero", IdLabel(id)));
    return inner_.WaitForZero(id, timeout);
  }
  absl::Status Remove(int32_t id) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Remove", IdLabel(id)));
    return inner_.Remove(id);
  }
  absl::StatusOr<std::vector<SemaphoreSet>> ListSets() override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("ListSets", ""));
    return inner_.ListSets();
  }

 private:
  static std::string KeyLabel(uint32_t key) { return absl::StrCat("key 0x", absl::Hex(key)); }
  static std::string IdLabel(int32_t id) { return absl::StrCat("id ", id); }

  std::shared_ptr<FaultyState> state_;
  Semaphores& inner_;
};

class FaultyClock : public Clock {
 public:
  FaultyClock(std::shared_ptr<FaultyState> state, Clock& inner)
      : state_(std::move(state)), inner_(inner) {}

  absl::Time Now() override { return inner_.Now(); }
  absl::Time WallTime() override { return inner_.WallTime(); }
  void Sleep(absl::Duration duration) override {
    if (state_->AdmitSleep()) inner_.Sleep(duration);
  }

 private:
  std::shared_ptr<FaultyState> state_;
  Clock& inner_;
};

class FaultyRandom : public Random {
 public:
  FaultyRandom(std::shared_ptr<FaultyState> state, Random& inner)
      : state_(std::move(state)), inner_(inner) {}

  absl::Status Fill(absl::Span<char> buffer) override {
    DMKIT_RETURN_IF_ERROR(state_->Admit("Fill", ""));
    return inner_.Fill(buffer);
  }

 private:
  std::shared_ptr<FaultyState> state_;
  Random& inner_;
};

}  // namespace
}  // namespace internal

struct FaultyHost::Parts {
  Parts(const std::shared_ptr<internal::FaultyState>& state, const Host& inner)
      : root(internal::MakeFaultyRoot(state, *inner.root)),
        mounts(state, *inner.mounts),
        processes(state, *inner.processes),
        semaphores(state, *inner.semaphores),
        clock(state, *inner.clock),
        random(state, *inner.random),
        trace(inner.trace) {}

  std::unique_ptr<Dir> root;
  internal::FaultyMounts mounts;
  internal::FaultyProcesses processes;
  internal::FaultySemaphores semaphores;
  internal::FaultyClock clock;
  internal::FaultyRandom random;
  TraceSink* trace;
};

FaultyHost::FaultyHost(const Host& inner)
    : state_(std::make_shared<internal::FaultyState>()),
      parts_(std::make_unique<Parts>(state_, inner)) {}

FaultyHost::~FaultyHost() = default;

Host FaultyHost::host() const {
  Host host;
  host.root = parts_->root.get();
  host.mounts = &parts_->mounts;
  host.processes = &parts_->processes;
  host.semaphores = &parts_->semaphores;
  host.clock = &parts_->clock;
  host.random = &parts_->random;
  host.trace = parts_->trace;
  return host;
}

void FaultyHost::SetPlan(Plan plan) { state_->SetPlan(std::move(plan)); }

FaultyHost::Plan FaultyHost::FailCall(uint64_t number, int error) {
  return [number, error](const SeamCall& call) { return call.number == number ? error : 0; };
}

FaultyHost::Plan FaultyHost::StopAt(uint64_t number) {
  return [number](const SeamCall& call) { return call.number >= number ? EIO : 0; };
}

FaultyHost::Plan FaultyHost::FailMatching(std::string method, std::string object, int error) {
  return [method = std::move(method), object = std::move(object), error](const SeamCall& call) {
    return call.method == method && absl::StrContains(call.object, object) ? error : 0;
  };
}

uint64_t FaultyHost::calls() const { return state_->calls(); }

uint64_t FaultyHost::CountOf(absl::string_view method) const { return state_->CountOf(method); }

std::vector<std::string> FaultyHost::Log() const { return state_->Log(); }

uint64_t FaultyHost::open_handles() const { return state_->open_handles(); }

}  // namespace dmkit::sys
