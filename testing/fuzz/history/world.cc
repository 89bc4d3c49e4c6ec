// SPDX-License-Identifier: Apache-2.0
// Starting, troubling and ending processes on a model kernel.

#include "testing/fuzz/history/world.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "sys/block.h"
#include "sys/status.h"
#include "testing/model/profile.h"
#include "testing/model/thin/thin_check.h"

namespace dmkit::history {
namespace {

constexpr size_t kCopiedBytes = 16384;
constexpr int kErrors[] = {EIO, ENOSPC, ENOMEM, EINTR, EBUSY, EACCES, ENXIO, EINVAL};

model::ModelOptions KernelOptions(uint32_t choice) {
  model::ModelOptions options;
  options.loop_devices = 4;
  options.has_udevd = (choice & 2) != 0;
  options.has_devtmpfs = HasNodes(choice);
  return options;
}

}  // namespace

Trouble ReadTrouble(uint32_t choice, Input& input) {
  Trouble trouble;
  if ((choice & 3) == 2) {
    trouble.kind = Trouble::kFault;
    trouble.call = 1 + input.Byte();
    trouble.error = kErrors[input.Below(std::size(kErrors))];
  } else if ((choice & 3) == 3) {
    trouble.kind = Trouble::kCrash;
    trouble.call = 1 + input.Byte();
  }
  return trouble;
}

World::World(uint32_t choice, std::function<void(int user)> end_user)
    : kernel_((choice & 1) != 0 ? model::Linux612() : model::Linux61(), /*seed=*/1,
              KernelOptions(choice)),
      end_user_(std::move(end_user)) {}

World::~World() {
  for (int user = 0; user < kUsers; ++user) Close(user);
}

dm::DeviceMapper& World::dm(int user) {
  User& started = users_[static_cast<size_t>(user)];
  if (!started.dm.has_value()) {
    started.faulty = std::make_unique<sys::FaultyHost>(host(user));
    auto dm = dm::DeviceMapper::Open(started.faulty->host());
    ExpectOk(dm.status(), "the device mapper opens");
    started.dm.emplace(*std::move(dm));
  }
  return *started.dm;
}

Outcome World::Do(int user, const Trouble& trouble, absl::string_view what,
                  const std::function<absl::Status()>& operation) {
  dm(user);
  sys::FaultyHost& faulty = *users_[static_cast<size_t>(user)].faulty;
  faulty.SetPlan(trouble.kind == Trouble::kNone ? sys::FaultyHost::Plan()
                 : trouble.kind == Trouble::kFault
                     ? sys::FaultyHost::FailCall(trouble.call, trouble.error)
                     : sys::FaultyHost::StopAt(trouble.call));
  Outcome outcome;
  story_.push_back(absl::StrCat("user ", user, ": ", what));
  outcome.status = operation();
  const bool reached = trouble.kind != Trouble::kNone && faulty.calls() >= trouble.call;
  outcome.undisturbed = !reached;
  outcome.crashed = trouble.kind == Trouble::kCrash;
  absl::StrAppend(&story_.back(), ": ", outcome.status.ToString());
  if (reached) {
    absl::StrAppend(&story_.back(), outcome.crashed ? " [stopped" : " [failed", " at call ",
                    trouble.call, ": ", faulty.Log()[trouble.call - 1], "]");
  }
  if (outcome.crashed) {
    if (!reached) story_.back() += " [killed then]";
    End(user);
  } else {
    faulty.SetPlan(nullptr);
    Expect(IsDecidable(outcome.status), "a status without an errno");
  }
  ExpectNoHang();
  return outcome;
}

void World::ExpectNoHang() {
  const std::vector<std::string> hangs = kernel_.Hangs();
  if (hangs.size() > hangs_) Fail(absl::StrCat("waits for ever: ", hangs.back()));
}

void World::Crash(int user) {
  Note(absl::StrCat("user ", user, ": is killed"));
  End(user);
}

// What a dying process still does in its destructors must not be done.
void World::End(int user) {
  User& ended = users_[static_cast<size_t>(user)];
  if (ended.faulty != nullptr) ended.faulty->SetPlan(sys::FaultyHost::StopAt(1));
  kernel_.CrashProcess(user + 1);
  Close(user);
}

void World::Close(int user) {
  end_user_(user);
  users_[static_cast<size_t>(user)].dm.reset();
  users_[static_cast<size_t>(user)].faulty.reset();
}

void World::Reboot(model::Unsynced unsynced) {
  Note(absl::StrCat("the power goes, ", unsynced == model::Unsynced::kLost ? "unsynced data is lost"
                                        : unsynced == model::Unsynced::kKept
                                            ? "unsynced data is kept"
                                            : "some unsynced data is kept"));
  for (int user = 0; user < kUsers; ++user) {
    if (users_[static_cast<size_t>(user)].faulty != nullptr) {
      users_[static_cast<size_t>(user)].faulty->SetPlan(sys::FaultyHost::StopAt(1));
    }
  }
  kernel_.Reboot(unsynced);
  for (int user = 0; user < kUsers; ++user) Close(user);
  ExpectNothing(kernel_.Leaks(), "outlives a power loss");
}

void World::Fail(absl::string_view what) {
  for (const std::string& line : story_) std::fprintf(stderr, "%s\n", line.c_str());
  for (const std::string& line : kernel_.Leaks()) std::fprintf(stderr, "now: %s\n", line.c_str());
  std::fprintf(stderr, "WRONG: %s\n", std::string(what).c_str());
  std::abort();
}

void World::ExpectOk(const absl::Status& status, absl::string_view what) {
  if (!status.ok()) Fail(absl::StrCat(what, ": ", status.ToString()));
}

void World::ExpectNothing(const std::vector<std::string>& lines, absl::string_view what) {
  if (!lines.empty()) Fail(absl::StrCat(what, ": ", absl::StrJoin(lines, "; ")));
}

bool IsDecidable(const absl::Status& status) {
  if (status.ok() || sys::GetErrno(status) != 0) return true;
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
         absl::IsUnimplemented(status) || absl::IsResourceExhausted(status);
}

std::vector<std::string> CheckMetadataFile(const sys::Host& host, absl::string_view path,
                                           model::Disk& scratch) {
  const auto from = host.root->OpenFile(path, sys::OpenOptions());
  if (!from.ok()) return {from.status().ToString()};
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  const auto to = sys::OpenBlock(host, scratch.number(), options);
  if (!to.ok()) return {to.status().ToString()};
  std::string bytes(kCopiedBytes, '\0');
  const std::string zeros = bytes;
  for (uint64_t at = 0;; at += bytes.size()) {
    const auto got = (*from)->ReadAt(at, absl::MakeSpan(bytes));
    if (!got.ok() || *got == 0) break;
    // Most of it is, and a new disk has them.
    if (bytes.compare(0, *got, zeros, 0, *got) == 0) continue;
    const absl::Status written = (*to)->WriteAt(at, absl::string_view(bytes).substr(0, *got));
    if (!written.ok()) return {written.ToString()};
  }
  const absl::Status synced = (*to)->Sync();
  if (!synced.ok()) return {synced.ToString()};
  return model::CheckThinMetadata(scratch);
}

}  // namespace dmkit::history
