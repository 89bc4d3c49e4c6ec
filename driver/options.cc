// SPDX-License-Identifier: Apache-2.0
// The tables of options, each with its own parser. What a value means to a device or a filesystem
// that exists is for the driver to find out.

#include "driver/options.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "dm/types.h"
#include "driver/filesystem.h"
#include "driver/option_rules.h"
#include "driver/option_values.h"
#include "sys/status.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

constexpr sys::Bytes kBlockStep{uint64_t{64} << 10};
constexpr sys::Bytes kBlockSizeMax{uint64_t{1} << 30};
// PATH_MAX without its NUL: no device path and no mount data can be longer.
constexpr size_t kValueBytesMax = 4095;
// The kernel reads the file in sysfs as an int (fs/xfs/xfs_sysfs.c, max_retries_store()).
constexpr uint64_t kRetriesMax = std::numeric_limits<int32_t>::max();

absl::StatusOr<sys::Bytes> ParseWholeSectors(absl::string_view text) {
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size, ParseSize(text));
  return sys::ToBytes(sys::WholeSectors(size));
}

absl::Status SetBaseSize(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(options.base_size, ParseWholeSectors(value));
  return absl::OkStatus();
}

absl::Status SetDataLoopSize(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(options.data_loop_size, ParseWholeSectors(value));
  return absl::OkStatus();
}

absl::Status SetMetadataLoopSize(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size, ParseWholeSectors(value));
  if (size < kMetadataLoopSizeMin) {
    return RefuseValue(value, "is too small for a pool's metadata; the least is 2m");
  }
  options.metadata_loop_size = size;
  return absl::OkStatus();
}

absl::Status SetBlockSize(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size, ParseSize(value));
  if (size < kBlockStep || size > kBlockSizeMax || size.count() % kBlockStep.count() != 0) {
    return RefuseValue(value, "is not a multiple of 64k between 64k and 1g");
  }
  options.block_size = sys::WholeSectors(size);
  return absl::OkStatus();
}

absl::Status SetFilesystem(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(options.filesystem, ParseFilesystem(value));
  return absl::OkStatus();
}

absl::Status AddMakeArgument(absl::string_view value, Options& options) {
  options.mkfs_args.emplace_back(value);
  return absl::OkStatus();
}

absl::Status AddMountOptions(absl::string_view value, Options& options) {
  std::string joined = options.mount_options.empty()
                           ? std::string(value)
                           : absl::StrCat(options.mount_options, ",", value);
  DMKIT_RETURN_IF_ERROR(ParseMountOptions(joined));
  options.mount_options = std::move(joined);
  return absl::OkStatus();
}

template <std::string Options::*kField>
absl::Status SetDevice(absl::string_view value, Options& options) {
  if (value[0] != '/' || value.back() == '/') {
    return RefuseValue(value, "is not the absolute path of a block device, like /dev/sdb");
  }
  options.*kField = std::string(value);
  return absl::OkStatus();
}

absl::Status SetThinPool(absl::string_view value, Options& options) {
  value = absl::StripPrefix(value, "/dev/mapper/");
  if (absl::StrContains(value, '/')) {
    return RefuseValue(value,
                       "holds a '/': give the pool's name in /dev/mapper, where lvm2's are VG-LV, "
                       "with each '-' in the name of either written twice");
  }
  DMKIT_ASSIGN_OR_RETURN(const dm::DmName name, dm::DmName::Create(value));
  options.thin_pool = name.text();
  return absl::OkStatus();
}

template <std::optional<bool> Options::*kField>
absl::Status SetBool(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(options.*kField, ParseBool(value));
  return absl::OkStatus();
}

absl::Status SetMinFreeSpace(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(options.min_free_space_percent,
                         ParsePercent(value, 99, /*needs_sign=*/true));
  return absl::OkStatus();
}

absl::Status SetMaxRetries(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(options.xfs_nospace_max_retries, ParseNumber(value, 0, kRetriesMax));
  return absl::OkStatus();
}

absl::Status SetLogLevel(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(const uint64_t level, ParseNumber(value, kLogFatal, kLogDebug));
  options.log_level = static_cast<int>(level);
  return absl::OkStatus();
}

absl::Status SetLvmDevice(absl::string_view value, Options& options) {
  Options parsed;
  DMKIT_RETURN_IF_ERROR(SetDevice<&Options::data_device>(value, parsed));
  options.direct_lvm.device = std::move(parsed.data_device);
  return absl::OkStatus();
}

absl::Status SetLvmForce(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(options.direct_lvm.force, ParseBool(value));
  return absl::OkStatus();
}

// 0 stands for the default.
template <std::optional<uint32_t> DirectLvm::*kField, uint32_t kMax>
absl::Status SetLvmPercent(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(const uint32_t percent, ParsePercent(value, kMax, /*needs_sign=*/false));
  std::optional<uint32_t>& field = options.direct_lvm.*kField;
  field.reset();
  if (percent != 0) field = percent;
  return absl::OkStatus();
}

template <typename Values>
struct Option {
  absl::string_view name;
  absl::Status (*set)(absl::string_view value, Values& values);
};

constexpr Option<Options> kOptions[] = {
    {"dm.basesize", SetBaseSize},
    {"dm.loopdatasize", SetDataLoopSize},
    {"dm.loopmetadatasize", SetMetadataLoopSize},
    {"dm.blocksize", SetBlockSize},
    {"dm.fs", SetFilesystem},
    {"dm.mkfsarg", AddMakeArgument},
    {"dm.mountopt", AddMountOptions},
    {"dm.datadev", SetDevice<&Options::data_device>},
    {"dm.metadatadev", SetDevice<&Options::metadata_device>},
    {"dm.thinpooldev", SetThinPool},
    {"dm.blkdiscard", SetBool<&Options::blkdiscard>},
    {"dm.override_udev_sync_check", SetBool<&Options::override_udev_sync_check>},
    {"dm.use_deferred_removal", SetBool<&Options::use_deferred_removal>},
    {"dm.use_deferred_deletion", SetBool<&Options::use_deferred_deletion>},
    {"dm.min_free_space", SetMinFreeSpace},
    {"dm.xfs_nospace_max_retries", SetMaxRetries},
    {"dm.libdm_log_level", SetLogLevel},
    {"dm.directlvm_device", SetLvmDevice},
    {"dm.directlvm_device_force", SetLvmForce},
    {"dm.thinp_percent", SetLvmPercent<&DirectLvm::data_percent, 99>},
    {"dm.thinp_metapercent", SetLvmPercent<&DirectLvm::metadata_percent, 99>},
    {"dm.thinp_autoextend_percent", SetLvmPercent<&DirectLvm::autoextend_percent, 100>},
    {"dm.thinp_autoextend_threshold", SetLvmPercent<&DirectLvm::autoextend_threshold, 100>},
};

absl::Status SetLayerSize(absl::string_view value, LayerOptions& options) {
  options.size.reset();
  if (value == "0") return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size, ParseWholeSectors(value));
  if (size.count() == 0) return RefuseValue(value, "is less than a sector of 512 bytes");
  options.size = size;
  return absl::OkStatus();
}

constexpr Option<LayerOptions> kLayerOptions[] = {{"size", SetLayerSize}};

absl::Status CheckText(absl::string_view value) {
  if (value.empty()) return RefuseValue(value, "is no value");
  if (value.size() > kValueBytesMax) return RefuseValue(value, "is longer than 4095 bytes");
  for (const char c : value) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return RefuseValue(value, "holds a control character");
    }
  }
  return absl::OkStatus();
}

template <typename Values>
absl::Status ParseWord(absl::string_view word, absl::Span<const Option<Values>> known,
                       Values& values) {
  const size_t equals = word.find('=');
  if (equals == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("option ", QuotedValue(word),
                                                   ": not of the form KEY=VALUE, like ",
                                                   known.front().name, "=20g"));
  }
  const std::string key = absl::AsciiStrToLower(absl::StripAsciiWhitespace(word.substr(0, equals)));
  const absl::string_view value = absl::StripAsciiWhitespace(word.substr(equals + 1));
  for (const Option<Values>& option : known) {
    if (option.name != key) continue;
    absl::Status set = CheckText(value);
    if (set.ok()) set = option.set(value, values);
    return sys::AddContext(set, absl::StrCat("option ", option.name));
  }
  const std::string names = absl::StrJoin(
      known, ", ",
      [](std::string* out, const Option<Values>& option) { absl::StrAppend(out, option.name); });
  return absl::InvalidArgumentError(
      absl::StrCat("option ", QuotedValue(key), ": unknown; known are ", names));
}

}  // namespace

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& words) {
  Options options;
  for (const std::string& word : words) {
    DMKIT_RETURN_IF_ERROR(ParseWord<Options>(word, kOptions, options));
  }
  DMKIT_RETURN_IF_ERROR(CheckOptionRules(options));
  return options;
}

absl::StatusOr<LayerOptions> ParseLayerOptions(const std::vector<std::string>& words) {
  LayerOptions options;
  for (const std::string& word : words) {
    DMKIT_RETURN_IF_ERROR(ParseWord<LayerOptions>(word, kLayerOptions, options));
  }
  return options;
}

}  // namespace dmkit::driver
