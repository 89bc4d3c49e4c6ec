// SPDX-License-Identifier: Apache-2.0
// Adding targets to a table and opening their devices. Mirrors drivers/md/dm-table.c; read in v6.1
// and v6.12.

#include "testing/model/dm_table.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "testing/model/dm_core.h"
#include "testing/model/dm_device.h"
#include "testing/model/dm_path.h"
#include "testing/model/kernel_parse.h"

namespace dmkit::model {
namespace {

// What fits into a signed number of bytes.
constexpr uint64_t kSectorsMax = (uint64_t{1} << 54) - 1;

}  // namespace

std::vector<std::string> SplitWords(char* text) {
  std::vector<std::string> words;
  char* end = text;
  while (true) {
    while (IsKernelSpace(*end)) ++end;
    if (*end == '\0') return words;
    char* const start = end;
    char* out = start;
    while (*end != '\0' && !IsKernelSpace(*end)) {
      if (end[0] == '\\' && end[1] != '\0') ++end;
      *out++ = *end++;
    }
    if (*end != '\0') ++end;
    *out = '\0';
    words.emplace_back(start);
  }
}

DmTable::~DmTable() {
  for (std::unique_ptr<Target>& target : targets_) target.reset();
}

Target* DmTable::Find(uint64_t sector) const {
  if (sector >= end_) return nullptr;
  const auto found = std::upper_bound(ends_.begin(), ends_.end(), sector);
  return targets_[static_cast<size_t>(found - ends_.begin())].get();
}

int DmTable::CheckNewTarget(const TargetType& type, uint64_t start) {
  if (type.Has(TargetType::kSingleton)) {
    if (!targets_.empty()) return -EINVAL;
    has_singleton_ = true;
  }
  if (type.Has(TargetType::kAlwaysWriteable) && !writable_) return -EINVAL;
  if (immutable_type_ != nullptr && immutable_type_ != &type) return -EINVAL;
  if (immutable_type_ == nullptr && type.Has(TargetType::kImmutable)) {
    if (!targets_.empty()) return -EINVAL;
    immutable_type_ = &type;
  }
  // A gap or an overlap.
  return start == end_ ? 0 : -EINVAL;
}

int DmTable::AddTarget(absl::string_view type, uint64_t start, uint64_t length, char* params) {
  if (has_singleton_ || length == 0) return -EINVAL;
  if (start + length < start || start + length > kSectorsMax) return -EINVAL;
  const TargetType* const known = device_.dm().FindType(type);
  if (known == nullptr) return -EINVAL;
  const int checked = CheckNewTarget(*known, start);
  if (checked != 0) return checked;
  const std::vector<std::string> words = SplitWords(params);
  std::unique_ptr<Target> target;
  const int error = known->Create(TargetArguments{*known, *this, start, length, words}, &target);
  if (error != 0) return error;
  targets_.push_back(std::move(target));
  end_ = start + length;
  ends_.push_back(end_);
  return 0;
}

int DmTable::GetDevice(absl::string_view path, bool write, std::shared_ptr<TableDevice>* device) {
  sys::DeviceNumber number;
  const int found = ParseDevicePath(device_.core(), path, &number);
  if (found != 0) return found;
  if (device_.dm().profile().refuses_self_reference && number == device_.number()) return -EINVAL;
  for (std::shared_ptr<TableDevice>& known : devices_) {
    if (known->device().number() != number) continue;
    if (write && !known->write) {
      const int error = device_.GetTableDevice(number, write, &known);
      if (error != 0) return error;
    }
    *device = known;
    return 0;
  }
  std::shared_ptr<TableDevice> opened;
  const int error = device_.GetTableDevice(number, write, &opened);
  if (error != 0) return error;
  devices_.insert(devices_.begin(), opened);
  *device = std::move(opened);
  return 0;
}

std::vector<const TableDevice*> DmTable::Devices() const {
  std::vector<const TableDevice*> list;
  for (const std::shared_ptr<TableDevice>& device : devices_) list.push_back(device.get());
  return list;
}

bool DmTable::has_wildcard() const {
  return std::any_of(targets_.begin(), targets_.end(), [](const std::unique_ptr<Target>& target) {
    return target->type().Has(TargetType::kWildcard);
  });
}

void DmTable::Event() {
  if (is_bound_) device_.Event();
}

void DmTable::Presuspend() {
  for (const std::unique_ptr<Target>& target : targets_) target->Presuspend();
}

void DmTable::PresuspendUndo() {
  for (const std::unique_ptr<Target>& target : targets_) target->PresuspendUndo();
}

void DmTable::Postsuspend() {
  for (const std::unique_ptr<Target>& target : targets_) target->Postsuspend();
}

int DmTable::Preresume() {
  for (const std::unique_ptr<Target>& target : targets_) {
    const int error = target->Preresume();
    if (error != 0) return error;
  }
  return 0;
}

void DmTable::Resume() {
  for (const std::unique_ptr<Target>& target : targets_) target->Resume();
}

}  // namespace dmkit::model
