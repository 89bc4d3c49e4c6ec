// SPDX-License-Identifier: Apache-2.0
// The rules of dm for udev.

#include "testing/model/process/udevd.h"

#include <cctype>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "testing/model/block_layer.h"

namespace dmkit::model {
namespace {

// Of a cookie: the flags are its upper half, the number of the semaphore its lower one.
constexpr uint32_t kDisableDmRules = 0x1U << 16;
constexpr uint32_t kPrimarySource = 0x40U << 16;
constexpr uint32_t kSemaphoreMask = 0xffff;
constexpr uint32_t kSemaphoreKeys = 0x0d4dU << 16;

constexpr uint64_t kDelayMaxMicroseconds = 20;

// libdevmapper's: what is not in its set of characters is written as \xNN.
std::string Mangled(absl::string_view name) {
  std::string mangled;
  for (const char c : name) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                          absl::string_view("#+-.:=@_").find(c) != absl::string_view::npos;
    if (is_plain) {
      mangled.push_back(c);
    } else {
      mangled += absl::StrFormat("\\x%02x", static_cast<unsigned char>(c));
    }
  }
  return mangled;
}

// As sysfs shows it; "" when it is not there any more.
std::string DmName(Core& core, const std::string& disk) {
  const BlockDevice* const device = core.blocks.FindByName(disk);
  if (device == nullptr) return "";
  for (const auto& [attribute, value] : device->Attributes()) {
    if (attribute == "dm/name") return value.substr(0, value.find('\n'));
  }
  return "";
}

}  // namespace

Udevd::Udevd(Core& core, SemaphoreTable& semaphores, LinkDirectory& links)
    : core_(core), semaphores_(semaphores), links_(links) {
  core_.uevents.Listen([this](const Uevent& event) { Receive(event); });
}

void Udevd::Receive(const Uevent& event) {
  if (!is_running_ || !absl::StartsWith(event.Value("DEVNAME"), "dm-")) return;
  const auto delay = static_cast<int64_t>(core_.random() % kDelayMaxMicroseconds);
  core_.scheduler.After(absl::Microseconds(delay), [this, event] { Handle(event); });
}

void Udevd::Handle(const Uevent& event) {
  if (!is_running_) return;
  const std::string disk = event.Value("DEVNAME");
  uint32_t cookie = 0;
  const bool has_cookie = absl::SimpleAtoi(event.Value("DM_COOKIE"), &cookie);
  if (event.action == "remove") {
    Rename(disk, "");
  } else if (has_cookie && (cookie & kPrimarySource) != 0 && (cookie & kDisableDmRules) == 0) {
    // Without these an event is a spurious one, and what was there stays.
    Rename(disk, DmName(core_, disk));
  }
  if (has_cookie && (cookie & kSemaphoreMask) != 0) {
    const Identity root{};
    const int32_t id = semaphores_.Find(kSemaphoreKeys | (cookie & kSemaphoreMask));
    if (id >= 0) semaphores_.Add(root, id, -1);
  }
}

// "" takes the link away.
void Udevd::Rename(const std::string& disk, const std::string& name) {
  std::string& known = names_[disk];
  const std::string wanted = Mangled(name);
  if (!known.empty() && known != wanted) links_.RemoveLink(known, disk);
  if (!wanted.empty()) links_.MakeLink(wanted, disk);
  known = wanted;
  if (known.empty()) names_.erase(disk);
}

}  // namespace dmkit::model
