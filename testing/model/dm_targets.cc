// SPDX-License-Identifier: Apache-2.0
// The targets that map to one device or to none. Mirrors dm-linear.c, dm-target.c and dm-zero.c of
// drivers/md; read in v6.1 and v6.12.

#include "testing/model/dm_targets.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "testing/model/dm_table.h"
#include "testing/model/kernel_parse.h"

namespace dmkit::model {
namespace {

// "<device> <offset>"; the offset is looked at first.
int OpenArea(const TargetArguments& arguments, std::shared_ptr<TableDevice>* device,
             uint64_t* start) {
  const std::optional<uint64_t> offset = ScanWholeU64(arguments.words[1]);
  if (!offset.has_value()) return -EINVAL;
  *start = *offset;
  return arguments.table.GetDevice(arguments.words[0], arguments.table.writable(), device);
}

Discards DiscardsWithoutDevices(const Profile& profile) {
  return profile.discards_without_devices ? Discards::kAlways : Discards::kNever;
}

class LinearTarget : public Target {
 public:
  LinearTarget(const TargetArguments& arguments, std::shared_ptr<TableDevice> device,
               uint64_t start)
      : Target(arguments), device_(std::move(device)), start_(start) {}

  int Map(const Io& io) override { return device_->SubmitAt(start_, io); }

  void Status(StatusKind kind, bool, std::string* out) override {
    if (kind == StatusKind::kTable) absl::StrAppend(out, device_->name, " ", start_);
    if (kind == StatusKind::kIma) {
      absl::StrAppend(out, ImaPrefix(), ",device_name=", device_->name, ",start=", start_, ";");
    }
  }

  void VisitDevices(const DeviceVisitor& visit) const override {
    visit(*device_, start_, length());
  }
  Discards discards() const override { return Discards::kAsItsDevices; }

  BlockDevice* IoctlDevice(bool* is_whole) const override {
    *is_whole = start_ == 0 && length() == device_->device().sectors();
    return &device_->device();
  }

 private:
  const std::shared_ptr<TableDevice> device_;
  const uint64_t start_;
};

class LinearType : public TargetType {
 public:
  using TargetType::TargetType;

  int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const override {
    if (arguments.words.size() != 2) return -EINVAL;
    std::shared_ptr<TableDevice> device;
    uint64_t start = 0;
    const int error = OpenArea(arguments, &device, &start);
    if (error != 0) return error;
    *target = std::make_unique<LinearTarget>(arguments, std::move(device), start);
    return 0;
  }
};

class ErrorTarget : public Target {
 public:
  ErrorTarget(const TargetArguments& arguments, std::shared_ptr<TableDevice> device, uint64_t start,
              Discards discards)
      : Target(arguments), device_(std::move(device)), start_(start), discards_(discards) {}

  // Flushes have nowhere to go, so they do not fail.
  int Map(const Io& io) override { return io.kind == IoKind::kFlush ? 0 : -EIO; }

  void VisitDevices(const DeviceVisitor& visit) const override {
    if (device_ != nullptr) visit(*device_, start_, length());
  }
  // It takes no flushes (num_flush_bios), whatever its device does.
  void AdjustLimits(QueueLimits* limits) const override { limits->has_write_cache = false; }
  Discards discards() const override { return discards_; }

 private:
  const std::shared_ptr<TableDevice> device_;
  const uint64_t start_;
  const Discards discards_;
};

class ErrorType : public TargetType {
 public:
  ErrorType(const Profile& profile, uint32_t features)
      : TargetType("error", profile.error_version, features),
        takes_device_(profile.error_target_takes_device),
        discards_(DiscardsWithoutDevices(profile)) {}

  int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const override {
    std::shared_ptr<TableDevice> device;
    uint64_t start = 0;
    if (takes_device_ && arguments.words.size() == 2) {
      const int error = OpenArea(arguments, &device, &start);
      if (error != 0) return error;
    }
    *target = std::make_unique<ErrorTarget>(arguments, std::move(device), start, discards_);
    return 0;
  }

 private:
  const bool takes_device_;
  const Discards discards_;
};

class ZeroTarget : public Target {
 public:
  ZeroTarget(const TargetArguments& arguments, Discards discards)
      : Target(arguments), discards_(discards) {}

  int Map(const Io& io) override {
    if (io.kind == IoKind::kRead) std::memset(io.into, 0, io.length);
    return 0;
  }
  Discards discards() const override { return discards_; }

 private:
  const Discards discards_;
};

class ZeroType : public TargetType {
 public:
  explicit ZeroType(const Profile& profile)
      : TargetType("zero", profile.zero_version, 0), discards_(DiscardsWithoutDevices(profile)) {}

  int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const override {
    if (!arguments.words.empty()) return -EINVAL;
    *target = std::make_unique<ZeroTarget>(arguments, discards_);
    return 0;
  }

 private:
  const Discards discards_;
};

}  // namespace

std::shared_ptr<const TargetType> MakeLinearType(const Profile& profile) {
  return std::make_shared<LinearType>("linear", profile.linear_version, TargetType::kDevices);
}

std::shared_ptr<const TargetType> MakeErrorType(const Profile& profile) {
  uint32_t features = TargetType::kWildcard;
  if (profile.error_target_takes_device) features |= TargetType::kDevices;
  return std::make_shared<ErrorType>(profile, features);
}

std::shared_ptr<const TargetType> MakeZeroType(const Profile& profile) {
  return std::make_shared<ZeroType>(profile);
}

}  // namespace dmkit::model
