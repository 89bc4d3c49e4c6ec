// SPDX-License-Identifier: Apache-2.0
// DM_TABLE_LOAD and DM_TABLE_CLEAR.

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "testing/model/dm_commands.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kTargetsMax = 1048576;

// struct dm_target_spec.
constexpr size_t kSpecBytes = 40;
constexpr size_t kSpecLengthAt = 8;
constexpr size_t kSpecNextAt = 20;
constexpr size_t kSpecTypeAt = 24;

// Finds the record that starts `next` bytes behind the one at `last`, and checks that it lies
// inside the parameters with a terminated string behind it.
class SpecWalk {
 public:
  SpecWalk(const Profile& profile, const DmParams& params)
      : is_strict_(profile.checks_spec_layout), params_(params), next_(params.data_start()) {}

  // 0 and where the record is.
  int Next(size_t* spec) {
    const int error = is_strict_ ? CheckStrictly() : CheckLoosely();
    if (error != 0) return error;
    at_ += next_;
    const std::optional<absl::string_view> text = params_.TextAt(at_ + kSpecBytes);
    if (!text.has_value()) return -EINVAL;
    minimum_ = kSpecBytes + text->size() + 1;
    *spec = at_;
    return 0;
  }
  // Reads where the next record is: the constructor has run by then, on the same bytes.
  void Advance() { next_ = params_.U32(at_ + kSpecNextAt); }

 private:
  // next_target() and populate_table() of v6.12.
  int CheckStrictly() const {
    if (next_ < minimum_) return -EINVAL;
    if (params_.size() - at_ - kSpecBytes <= next_) return -EINVAL;
    return next_ % 8 == 0 ? 0 : -EINVAL;
  }
  // next_target() of v6.1.
  int CheckLoosely() const { return next_ < kSpecBytes ? -EINVAL : 0; }

  const bool is_strict_;
  const DmParams& params_;
  size_t at_ = 0;
  uint32_t next_;
  size_t minimum_ = kStructBytes;
};

int PopulateTable(DmTable& table, DmParams& params) {
  const uint32_t count = params.U32(kTargetCountAt);
  if (count == 0) return -EINVAL;
  SpecWalk walk(table.device().dm().profile(), params);
  for (uint32_t i = 0; i < count; ++i) {
    size_t spec = 0;
    int error = walk.Next(&spec);
    if (error != 0) return error;
    // As a C string: without a NUL of its own it runs into the parameters.
    const char* const type = params.bytes() + spec + kSpecTypeAt;
    error = table.AddTarget(absl::string_view(type, std::strlen(type)), params.U64(spec),
                            params.U64(spec + kSpecLengthAt), params.bytes() + spec + kSpecBytes);
    if (error != 0) return error;
    walk.Advance();
  }
  return 0;
}

// A live table of an immutable type may be replaced only by its like or by one with a wildcard.
int CheckImmutable(const DmDevice& device, const DmTable& table) {
  if (device.live() == nullptr) return 0;
  const TargetType* const type = device.live()->immutable_type();
  if (type == nullptr || type == table.immutable_type() || table.has_wildcard()) return 0;
  return -EINVAL;
}

}  // namespace

int LoadTable(DmCore& dm, DmParams& params) {
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  if (params.U32(kTargetCountAt) > kTargetsMax) return -EOVERFLOW;
  auto table = std::make_shared<DmTable>(*device, !params.Has(kReadOnlyFlag));
  int error = PopulateTable(*table, params);
  if (error == 0) error = CheckImmutable(*device, *table);
  if (error == 0 && !device->has_type()) error = device->SetUp(*table);
  // It may have been removed while a constructor waited.
  if (error == 0 && !device->is_named) error = -ENXIO;
  if (error != 0) return error;
  std::shared_ptr<DmTable> old = std::exchange(device->inactive, std::move(table));
  params.Set(kInactivePresentFlag);
  PutStatus(*device, params);
  return 0;
}

int ClearTable(DmCore& dm, DmParams& params) {
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  // Dropped behind the reply, as in the kernel: one that refers to its own device still counts.
  const std::shared_ptr<DmTable> old = std::move(device->inactive);
  params.Clear(kInactivePresentFlag);
  PutStatus(*device, params);
  return 0;
}

}  // namespace dmkit::model
