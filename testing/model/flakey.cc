// SPDX-License-Identifier: Apache-2.0
// Mirrors drivers/md/dm-flakey.c; read in v6.1 and v6.12.

#include "testing/model/flakey.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "testing/model/dm_table.h"
#include "testing/model/dm_target.h"
#include "testing/model/kernel_parse.h"

namespace dmkit::model {
namespace {

struct Features {
  bool drop_writes = false;
  bool error_writes = false;
  bool error_reads = false;
};

struct Area {
  std::shared_ptr<TableDevice> device;
  uint64_t start = 0;
  uint32_t up_seconds = 0;
  uint32_t down_seconds = 0;
};

class FlakeyTarget : public Target {
 public:
  FlakeyTarget(const TargetArguments& arguments, Area area, const Features& features,
               const Profile& profile)
      : Target(arguments),
        area_(std::move(area)),
        features_(features),
        has_error_reads_(profile.flakey_has_error_reads),
        started_(Now()) {}

  int Map(const Io& io) override {
    if (IsDown()) {
      if (io.kind == IoKind::kRead && FailsReads()) return -EIO;
      if (io.kind != IoKind::kRead && features_.drop_writes) return 0;
      if (io.kind != IoKind::kRead && FailsWrites()) return -EIO;
    }
    return area_.device->SubmitAt(area_.start, io);
  }

  void Status(StatusKind kind, bool, std::string* out) override {
    if (kind != StatusKind::kTable) return;
    const int count =
        int{features_.error_reads} + int{features_.drop_writes} + int{features_.error_writes};
    absl::StrAppend(out, area_.device->name, " ", area_.start, " ", area_.up_seconds, " ",
                    area_.down_seconds, " ", count);
    if (features_.error_reads) absl::StrAppend(out, " error_reads");
    if (features_.drop_writes) absl::StrAppend(out, " drop_writes");
    if (features_.error_writes) absl::StrAppend(out, " error_writes");
    // Where there is no error_reads, every word had a blank behind it.
    if (!has_error_reads_) out->push_back(' ');
  }

  void VisitDevices(const DeviceVisitor& visit) const override {
    visit(*area_.device, area_.start, length());
  }
  Discards discards() const override { return Discards::kAsItsDevices; }

  BlockDevice* IoctlDevice(bool* is_whole) const override {
    *is_whole = area_.start == 0 && length() == area_.device->device().sectors();
    return &area_.device->device();
  }

 private:
  absl::Time Now() const { return table().device().core().scheduler.Now(); }
  bool IsDown() const {
    const int64_t elapsed = absl::ToInt64Seconds(Now() - started_);
    const int64_t whole = int64_t{area_.up_seconds} + area_.down_seconds;
    return elapsed % whole >= area_.up_seconds;
  }
  bool HasNone() const { return !features_.drop_writes && !features_.error_writes; }
  bool FailsReads() const { return has_error_reads_ ? features_.error_reads : HasNone(); }
  bool FailsWrites() const { return features_.error_writes || (!has_error_reads_ && HasNone()); }

  const Area area_;
  const Features features_;
  const bool has_error_reads_;
  const absl::Time started_;
};

class FlakeyType : public TargetType {
 public:
  explicit FlakeyType(const Profile& profile)
      : TargetType("flakey", Version{1, 5, 0}, kDevices), profile_(profile) {}

  int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const override {
    const std::vector<std::string>& words = arguments.words;
    if (words.size() < 4) return -EINVAL;
    const std::optional<uint64_t> start = ScanWholeU64(words[1]);
    const std::optional<uint32_t> up = ScanWholeU32(words[2]);
    const std::optional<uint32_t> down = ScanWholeU32(words[3]);
    if (!start.has_value() || !up.has_value() || !down.has_value()) return -EINVAL;
    // Neither nothing at all nor more than 32 bits.
    if (*up + *down == 0 || *up + *down < *up) return -EINVAL;
    Features features;
    int error = ParseFeatures(words, &features);
    if (error != 0) return error;
    Area area{nullptr, *start, *up, *down};
    error = arguments.table.GetDevice(words[0], arguments.table.writable(), &area.device);
    if (error != 0) return error;
    *target = std::make_unique<FlakeyTarget>(arguments, std::move(area), features, profile_);
    return 0;
  }

 private:
  // What lies behind the counted words is not looked at.
  int ParseFeatures(const std::vector<std::string>& words, Features* features) const {
    constexpr size_t kCountAt = 4;
    uint32_t count = 0;
    if (words.size() > kCountAt) {
      const std::optional<uint32_t> given = ScanWholeU32(words[kCountAt]);
      const uint32_t most = profile_.flakey_has_error_reads ? 11 : 6;
      if (!given.has_value() || *given > most) return -EINVAL;
      if (*given > words.size() - kCountAt - 1) return -EINVAL;
      count = *given;
    }
    for (size_t i = 0; i < count; ++i) {
      if (!SetFeature(words[kCountAt + 1 + i], features)) return -EINVAL;
    }
    if (count == 0 && profile_.flakey_has_error_reads) {
      features->error_reads = true;
      features->error_writes = true;
    }
    return 0;
  }

  bool SetFeature(const std::string& word, Features* features) const {
    bool* feature = nullptr;
    if (SameWord(word, "drop_writes") && !features->error_writes) feature = &features->drop_writes;
    if (SameWord(word, "error_writes") && !features->drop_writes) {
      feature = &features->error_writes;
    }
    if (SameWord(word, "error_reads") && profile_.flakey_has_error_reads) {
      feature = &features->error_reads;
    }
    if (feature == nullptr || *feature) return false;
    *feature = true;
    return true;
  }

  const Profile& profile_;
};

}  // namespace

void RegisterFlakey(DmCore& dm) {
  dm.RegisterModule({{"flakey"}, {std::make_shared<FlakeyType>(dm.profile())}});
}

}  // namespace dmkit::model
