// SPDX-License-Identifier: Apache-2.0
// The target striped. Mirrors drivers/md/dm-stripe.c; read in v6.1 and v6.12.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "testing/model/dm_table.h"
#include "testing/model/dm_targets.h"
#include "testing/model/kernel_parse.h"

namespace dmkit::model {
namespace {

// From this many errors on a device's stripes send no more events.
constexpr uint32_t kErrorThreshold = 15;
// What the kernel's allocator still gives for so many stripes.
constexpr uint32_t kStripesMax = 174000;

struct Stripe {
  std::shared_ptr<TableDevice> device;
  uint64_t start = 0;  // sectors
  uint32_t errors = 0;
};

class StripedTarget : public Target {
 public:
  StripedTarget(const TargetArguments& arguments, std::vector<Stripe> stripes, uint32_t chunk)
      : Target(arguments), stripes_(std::move(stripes)), chunk_(chunk) {}

  int Map(const Io& io) override {
    if (io.kind == IoKind::kFlush) return MapFlush(io);
    const uint64_t chunk_bytes = uint64_t{chunk_} * kSectorBytes;
    int first_error = 0;
    for (uint64_t done = 0; done < io.length;) {
      const uint64_t at = io.offset + done;
      const uint64_t chunk = at / chunk_bytes;
      Stripe& stripe = stripes_[chunk % stripes_.size()];
      Io part = io;
      part.offset = chunk / stripes_.size() * chunk_bytes + at % chunk_bytes;
      part.length = std::min(chunk_bytes - at % chunk_bytes, io.length - done);
      if (io.into != nullptr) part.into = io.into + done;
      if (io.from != nullptr) part.from = io.from + done;
      const int error = Submit(stripe, part);
      if (error == kRequeue) return error;
      if (first_error == 0) first_error = error;
      done += part.length;
    }
    return first_error;
  }

  void Status(StatusKind kind, bool, std::string* out) override {
    switch (kind) {
      case StatusKind::kInfo:
        absl::StrAppend(out, stripes_.size(), " ");
        for (const Stripe& stripe : stripes_) absl::StrAppend(out, stripe.device->name, " ");
        absl::StrAppend(out, "1 ");
        for (const Stripe& stripe : stripes_) absl::StrAppend(out, State(stripe));
        return;
      case StatusKind::kTable:
        absl::StrAppend(out, stripes_.size(), " ", chunk_);
        for (const Stripe& stripe : stripes_) {
          absl::StrAppend(out, " ", stripe.device->name, " ", stripe.start);
        }
        return;
      case StatusKind::kIma:
        absl::StrAppend(out, ImaPrefix(), ",stripes=", stripes_.size(), ",chunk_size=", chunk_);
        for (size_t i = 0; i < stripes_.size(); ++i) {
          absl::StrAppend(out, ",stripe_", i, "_device_name=", stripes_[i].device->name);
          absl::StrAppend(out, ",stripe_", i, "_physical_start=", stripes_[i].start);
          absl::StrAppend(out, ",stripe_", i, "_status=", State(stripes_[i]));
        }
        absl::StrAppend(out, ";");
        return;
    }
  }

  void VisitDevices(const DeviceVisitor& visit) const override {
    for (const Stripe& stripe : stripes_) {
      visit(*stripe.device, stripe.start, length() / stripes_.size());
    }
  }
  Discards discards() const override { return Discards::kAsItsDevices; }

 private:
  static const char* State(const Stripe& stripe) { return stripe.errors == 0 ? "A" : "D"; }

  int MapFlush(const Io& io) {
    int first_error = 0;
    for (Stripe& stripe : stripes_) {
      const int error = Submit(stripe, io);
      if (error == kRequeue) return error;
      if (first_error == 0) first_error = error;
    }
    return first_error;
  }

  int Submit(const Stripe& stripe, const Io& io) {
    const int error = stripe.device->SubmitAt(stripe.start, io);
    if (error == 0 || error == kRequeue || error == -EOPNOTSUPP) return error;
    bool sends_event = false;
    for (Stripe& each : stripes_) {
      if (each.device->name != stripe.device->name) continue;
      sends_event = ++each.errors < kErrorThreshold || sends_event;
    }
    if (sends_event) table().Event();
    return error;
  }

  std::vector<Stripe> stripes_;
  const uint32_t chunk_;  // sectors
};

class StripedType : public TargetType {
 public:
  using TargetType::TargetType;

  int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const override {
    const std::vector<std::string>& words = arguments.words;
    if (words.size() < 2) return -EINVAL;
    const std::optional<uint32_t> count = KstrtoU32(words[0]);
    if (count.value_or(0) == 0) return -EINVAL;
    const std::optional<uint32_t> chunk = KstrtoU32(words[1]);
    if (chunk.value_or(0) == 0) return -EINVAL;
    if (arguments.length % *count != 0) return -EINVAL;
    if (arguments.length / *count % *chunk != 0) return -EINVAL;
    // In 32 bits, as in the kernel.
    if (words.size() != 2 + 2 * *count) return -EINVAL;
    if (*count > kStripesMax) return -ENOMEM;
    std::vector<Stripe> stripes(*count);
    for (size_t i = 0; i < stripes.size(); ++i) {
      const std::optional<uint64_t> start = ScanWholeU64(words[3 + 2 * i]);
      if (!start.has_value()) return -EINVAL;
      stripes[i].start = *start;
      const int error = arguments.table.GetDevice(words[2 + 2 * i], arguments.table.writable(),
                                                  &stripes[i].device);
      if (error != 0) return error;
    }
    *target = std::make_unique<StripedTarget>(arguments, std::move(stripes), *chunk);
    return 0;
  }
};

}  // namespace

std::shared_ptr<const TargetType> MakeStripedType(const Profile& profile) {
  return std::make_shared<StripedType>("striped", profile.striped_version, TargetType::kDevices);
}

}  // namespace dmkit::model
