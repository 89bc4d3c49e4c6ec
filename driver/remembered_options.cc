// SPDX-License-Identifier: Apache-2.0

#include "driver/remembered_options.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "driver/filesystem.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using thinp::proto::SetLabels;

absl::Status Differs(absl::string_view option, absl::string_view wanted, absl::string_view known) {
  return absl::FailedPreconditionError(
      absl::StrCat(option, " is \"", wanted, "\", but this store was made with \"", known,
                   "\", which cannot be changed: leave the option out"));
}

struct Percentage {
  absl::string_view option;
  std::optional<uint32_t> wanted;
  uint32_t known;
};

// `force` is about the moment of making the pool, and may differ.
absl::Status CheckDirectLvm(const DirectLvm& wanted, const thinp::proto::DirectLvm& known) {
  if (wanted.device.empty()) return absl::OkStatus();
  if (wanted.device != known.device()) {
    return Differs("dm.directlvm_device", wanted.device, known.device());
  }
  const Percentage percentages[] = {
      {"dm.thinp_percent", wanted.data_percent, known.data_percent()},
      {"dm.thinp_metapercent", wanted.metadata_percent, known.metadata_percent()},
      {"dm.thinp_autoextend_percent", wanted.autoextend_percent, known.autoextend_percent()},
      {"dm.thinp_autoextend_threshold", wanted.autoextend_threshold, known.autoextend_threshold()},
  };
  for (const Percentage& percentage : percentages) {
    if (percentage.wanted.value_or(percentage.known) == percentage.known) continue;
    return Differs(percentage.option, absl::StrCat(*percentage.wanted, "%"),
                   absl::StrCat(percentage.known, "%"));
  }
  return absl::OkStatus();
}

void WarnOfSize(const sys::Host& host, const std::string& path, absl::string_view option,
                std::optional<sys::Bytes> wanted, std::vector<std::string>& warnings) {
  if (path.empty() || !wanted.has_value()) return;
  const auto stat = host.root->Stat(path);
  if (!stat.ok() || stat->size_bytes <= wanted->count()) return;
  warnings.push_back(absl::StrCat(option, " is ", wanted->count(), " bytes, but ", path, " has ",
                                  stat->size_bytes, " and is not made smaller"));
}

}  // namespace

SetLabels ToLabels(const Options& options) {
  SetLabels labels;
  labels.set_filesystem(
      std::string(FilesystemName(options.filesystem.value_or(FilesystemType::kExt4))));
  for (const std::string& argument : options.mkfs_args) labels.add_mkfs_args(argument);
  const DirectLvm& lvm = options.direct_lvm;
  if (lvm.device.empty()) return labels;
  thinp::proto::DirectLvm& remembered = *labels.mutable_direct_lvm();
  remembered.set_device(lvm.device);
  remembered.set_data_percent(lvm.data_percent.value_or(kThinpPercentDefault));
  remembered.set_metadata_percent(lvm.metadata_percent.value_or(kThinpMetadataPercentDefault));
  remembered.set_autoextend_percent(lvm.autoextend_percent.value_or(kAutoextendPercentDefault));
  remembered.set_autoextend_threshold(
      lvm.autoextend_threshold.value_or(kAutoextendThresholdDefault));
  return labels;
}

absl::StatusOr<Options> WithRemembered(Options options, const SetLabels* labels) {
  if (labels == nullptr) {
    if (options.direct_lvm.device.empty()) return options;
    return Differs("dm.directlvm_device", options.direct_lvm.device, "a pool of another kind");
  }
  DMKIT_RETURN_IF_ERROR(CheckDirectLvm(options.direct_lvm, labels->direct_lvm()));
  DMKIT_ASSIGN_OR_RETURN(const FilesystemType filesystem, ParseFilesystem(labels->filesystem()));
  if (options.filesystem.value_or(filesystem) != filesystem) {
    return Differs("dm.fs", FilesystemName(*options.filesystem), labels->filesystem());
  }
  std::vector<std::string> mkfs_args(labels->mkfs_args().begin(), labels->mkfs_args().end());
  if (!options.mkfs_args.empty() && options.mkfs_args != mkfs_args) {
    return Differs("dm.mkfsarg", absl::StrJoin(options.mkfs_args, " "),
                   absl::StrJoin(mkfs_args, " "));
  }
  options.filesystem = filesystem;
  options.mkfs_args = std::move(mkfs_args);
  return options;
}

std::vector<std::string> SizeWarnings(const sys::Host& host, const thinp::DeviceSet& set,
                                      const Options& options) {
  std::vector<std::string> warnings;
  WarnOfSize(host, set.data_loop_path(), "dm.loopdatasize", options.data_loop_size, warnings);
  WarnOfSize(host, set.metadata_loop_path(), "dm.loopmetadatasize", options.metadata_loop_size,
             warnings);
  return warnings;
}

}  // namespace dmkit::driver
