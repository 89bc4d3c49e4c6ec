// SPDX-License-Identifier: Apache-2.0
// The words of a mirror's table. Pure text.

#include "dm/targets/mirror.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dm/targets/target_options.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

constexpr uint64_t kRegionMin = 2;
constexpr uint32_t kMax32 = std::numeric_limits<uint32_t>::max();

bool IsRegionSize(sys::Sectors size) {
  return IsPowerOfTwo(size.count()) && size.count() >= kRegionMin && size.count() <= kMax32;
}

absl::Status CheckArguments(const MirrorTarget::Arguments& arguments) {
  if (arguments.legs.size() < 2 || arguments.legs.size() > MirrorTarget::kMaxLegs) {
    return RefusedArguments(MirrorTarget::kType,
                            absl::StrCat(arguments.legs.size(), " legs; it takes 2 to 9"));
  }
  if (!IsRegionSize(arguments.log.region_size)) {
    return RefusedArguments(MirrorTarget::kType,
                            absl::StrCat("regions of ", arguments.log.region_size.count(),
                                         " sectors; they must be a power of two, 2 to 2147483648"));
  }
  if (arguments.keep_log && !arguments.handle_errors) {
    return RefusedArguments(MirrorTarget::kType, "keep_log needs handle_errors");
  }
  return absl::OkStatus();
}

absl::StatusOr<MirrorLog> TakeLog(TargetWords& words) {
  MirrorLog log;
  DMKIT_ASSIGN_OR_RETURN(const bool on_disk, words.OneOfTwo("kind of log", "disk", "core"));
  const absl::string_view count_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, words.Number32("number of words of the log"));
  if (on_disk) {
    DMKIT_ASSIGN_OR_RETURN(log.disk, words.Device("device of the log"));
  }
  const absl::string_view size_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(log.region_size, words.SectorCount("region size"));
  if (!IsRegionSize(log.region_size)) return words.NotUnderstood("region size", size_word);
  if (words.TakeIf("sync")) log.sync = MirrorSync::kSync;
  if (log.sync == MirrorSync::kAsLogged && words.TakeIf("nosync")) log.sync = MirrorSync::kNoSync;
  const uint32_t taken = (on_disk ? 2u : 1u) + (log.sync == MirrorSync::kAsLogged ? 0u : 1u);
  if (count != taken) return words.NotUnderstood("number of words of the log", count_word);
  return log;
}

absl::Status TakeFeatures(TargetWords& words, MirrorTarget::Arguments& arguments) {
  if (words.AtEnd()) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR(words.ExpectCountOfRest("number of features"));
  if (words.AtEnd()) return words.NotUnderstood("number of features", "0");
  arguments.handle_errors = words.TakeIf("handle_errors");
  // Never alone.
  if (arguments.handle_errors) arguments.keep_log = words.TakeIf("keep_log");
  return words.ExpectEnd();
}

std::string LogParams(const MirrorLog& log) {
  const bool has_sync = log.sync != MirrorSync::kAsLogged;
  std::string params = log.disk.has_value() ? absl::StrCat("disk ", has_sync ? 3 : 2, " ",
                                                           sys::FormatDeviceNumber(*log.disk))
                                            : absl::StrCat("core ", has_sync ? 2 : 1);
  absl::StrAppend(&params, " ", log.region_size.count());
  if (has_sync) absl::StrAppend(&params, log.sync == MirrorSync::kSync ? " sync" : " nosync");
  return params;
}

}  // namespace

MirrorTarget::MirrorTarget(Arguments arguments) : arguments_(std::move(arguments)) {}

absl::StatusOr<MirrorTarget> MirrorTarget::Create(Arguments arguments) {
  DMKIT_RETURN_IF_ERROR(CheckArguments(arguments));
  return MirrorTarget(std::move(arguments));
}

absl::StatusOr<MirrorTarget> MirrorTarget::Parse(absl::string_view params) {
  TargetWords words("mirror table", params);
  Arguments arguments;
  DMKIT_ASSIGN_OR_RETURN(arguments.log, TakeLog(words));
  const absl::string_view count_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, words.Number32("number of legs"));
  if (count < 2 || count > kMaxLegs) return words.NotUnderstood("number of legs", count_word);
  for (uint32_t i = 0; i < count; ++i) {
    Leg leg;
    DMKIT_ASSIGN_OR_RETURN(leg.device, words.Device("device of a leg"));
    DMKIT_ASSIGN_OR_RETURN(leg.offset, words.SectorCount("offset of a leg"));
    arguments.legs.push_back(leg);
  }
  DMKIT_RETURN_IF_ERROR(TakeFeatures(words, arguments));
  return MirrorTarget(std::move(arguments));
}

std::string MirrorTarget::Params() const {
  std::string params = absl::StrCat(LogParams(arguments_.log), " ", arguments_.legs.size());
  for (const Leg& leg : arguments_.legs) {
    absl::StrAppend(&params, " ", sys::FormatDeviceNumber(leg.device), " ", leg.offset.count());
  }
  std::vector<std::string> features;
  if (arguments_.handle_errors) features.emplace_back("handle_errors");
  if (arguments_.keep_log) features.emplace_back("keep_log");
  return params + FormatGroup(features, WhenEmpty::kNothing);
}

absl::StatusOr<TableLine> MirrorTarget::Line(sys::Sectors start, sys::Sectors length) const {
  const uint64_t region = arguments_.log.region_size.count();
  const uint64_t regions = length.count() / region + (length.count() % region == 0 ? 0 : 1);
  if (region > length.count() || regions > kMax32) {
    return RefusedArguments(kType,
                            absl::StrCat("regions of ", region, " sectors in ", length.count(),
                                         "; there must be 1 to 4294967295 of them"));
  }
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

}  // namespace dmkit::dm
