// SPDX-License-Identifier: Apache-2.0

#include "driver/option_rules.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/filesystem.h"
#include "driver/option_values.h"
#include "sys/status.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

using Given = std::pair<absl::string_view, bool>;

absl::Status WrongOption(absl::string_view name, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("option ", name, ": ", why));
}

absl::Status RefuseAnyOf(const std::vector<Given>& excluded, absl::string_view why) {
  for (const auto& [name, given] : excluded) {
    if (given) return WrongOption(name, why);
  }
  return absl::OkStatus();
}

// What says how the driver makes a pool itself.
std::vector<Given> OwnPoolOptions(const Options& options) {
  return {
      {"dm.datadev", !options.data_device.empty()},
      {"dm.metadatadev", !options.metadata_device.empty()},
      {"dm.loopdatasize", options.data_loop_size.has_value()},
      {"dm.loopmetadatasize", options.metadata_loop_size.has_value()},
      {"dm.blocksize", options.block_size.has_value()},
  };
}

absl::Status CheckGivenPool(const Options& options) {
  if (options.thin_pool.empty()) return absl::OkStatus();
  return RefuseAnyOf(OwnPoolOptions(options),
                     "means nothing beside dm.thinpooldev, whose pool has its own; give only one "
                     "of the two");
}

absl::Status CheckDirectLvm(const Options& options) {
  const DirectLvm& lvm = options.direct_lvm;
  if (lvm.device.empty()) {
    return RefuseAnyOf({{"dm.directlvm_device_force", lvm.force},
                        {"dm.thinp_percent", lvm.data_percent.has_value()},
                        {"dm.thinp_metapercent", lvm.metadata_percent.has_value()},
                        {"dm.thinp_autoextend_percent", lvm.autoextend_percent.has_value()},
                        {"dm.thinp_autoextend_threshold", lvm.autoextend_threshold.has_value()}},
                       "is about the pool that dm.directlvm_device asks for; give that too, or "
                       "leave this out");
  }
  if (!options.thin_pool.empty()) {
    return WrongOption("dm.thinpooldev",
                       "a pool is given, and dm.directlvm_device asks for one to be made; give "
                       "only one of the two");
  }
  DMKIT_RETURN_IF_ERROR(
      RefuseAnyOf(OwnPoolOptions(options),
                  "means nothing beside dm.directlvm_device, whose pool lvm2 makes; leave it out"));
  if (lvm.data_percent.has_value() != lvm.metadata_percent.has_value()) {
    return WrongOption(lvm.data_percent.has_value() ? "dm.thinp_metapercent" : "dm.thinp_percent",
                       "missing; dm.thinp_percent and dm.thinp_metapercent go together");
  }
  const uint32_t sum = lvm.data_percent.value_or(kThinpPercentDefault) +
                       2 * lvm.metadata_percent.value_or(kThinpMetadataPercentDefault);
  if (sum > 100) {
    return WrongOption(
        "dm.thinp_percent",
        absl::StrCat("with twice dm.thinp_metapercent (lvm2 sets as much again aside to repair "
                     "metadata with) it comes to ",
                     sum, "% of the device; the most is 100%"));
  }
  return absl::OkStatus();
}

absl::Status CheckDevices(const Options& options) {
  if (options.data_device.empty() || options.data_device != options.metadata_device) {
    return absl::OkStatus();
  }
  return WrongOption("dm.metadatadev", absl::StrCat(QuotedValue(options.metadata_device),
                                                    " is the data device; give two devices"));
}

absl::Status CheckSizes(const Options& options) {
  const FilesystemType filesystem = options.filesystem.value_or(FilesystemType::kExt4);
  const sys::Bytes base_size = options.base_size.value_or(kBaseSizeDefault);
  if (base_size < MinimumSize(filesystem)) {
    return WrongOption("dm.basesize", absl::StrCat(base_size.count(), " bytes is too small for ",
                                                   FilesystemName(filesystem), "; the least is ",
                                                   MinimumSize(filesystem).count() >> 20, "m"));
  }
  const sys::Sectors data_size =
      sys::WholeSectors(options.data_loop_size.value_or(kDataLoopSizeDefault));
  const sys::Sectors block_size = options.block_size.value_or(kBlockSizeDefault);
  if (data_size < block_size) {
    return WrongOption("dm.loopdatasize",
                       absl::StrCat(data_size.count(), " sectors do not hold one block of ",
                                    block_size.count(), " sectors"));
  }
  return absl::OkStatus();
}

absl::Status CheckDeferred(const Options& options) {
  if (!options.use_deferred_deletion.value_or(false)) return absl::OkStatus();
  if (options.use_deferred_removal.value_or(true)) return absl::OkStatus();
  return WrongOption("dm.use_deferred_deletion",
                     "it needs dm.use_deferred_removal, which is false; make both the same");
}

}  // namespace

absl::Status CheckOptionRules(const Options& options) {
  DMKIT_RETURN_IF_ERROR(CheckGivenPool(options));
  DMKIT_RETURN_IF_ERROR(CheckDirectLvm(options));
  DMKIT_RETURN_IF_ERROR(CheckDevices(options));
  DMKIT_RETURN_IF_ERROR(CheckDeferred(options));
  return CheckSizes(options);
}

}  // namespace dmkit::driver
