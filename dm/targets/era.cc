// SPDX-License-Identifier: Apache-2.0
// The words of an era line. Pure text.

#include "dm/targets/era.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

constexpr uint64_t kBlockSizeStep = 8;

bool IsBlockSize(sys::Sectors size) {
  return size.count() != 0 && size.count() % kBlockSizeStep == 0 &&
         size.count() <= std::numeric_limits<uint32_t>::max();
}

}  // namespace

absl::StatusOr<EraTarget> EraTarget::Create(sys::DeviceNumber metadata, sys::DeviceNumber origin,
                                            sys::Sectors block_size) {
  if (!IsBlockSize(block_size)) {
    return RefusedArguments(kType, absl::StrCat("blocks of ", block_size.count(),
                                                " sectors; they must be a multiple of 8"));
  }
  return EraTarget(metadata, origin, block_size);
}

absl::StatusOr<EraTarget> EraTarget::Parse(absl::string_view params) {
  TargetWords words("era table", params);
  DMKIT_ASSIGN_OR_RETURN(const sys::DeviceNumber metadata, words.Device("metadata device"));
  DMKIT_ASSIGN_OR_RETURN(const sys::DeviceNumber origin, words.Device("origin"));
  const absl::string_view size_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const sys::Sectors block_size, words.SectorCount("block size"));
  if (!IsBlockSize(block_size)) return words.NotUnderstood("block size", size_word);
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  return EraTarget(metadata, origin, block_size);
}

std::string EraTarget::Params() const {
  return absl::StrCat(sys::FormatDeviceNumber(metadata_), " ", sys::FormatDeviceNumber(origin_),
                      " ", block_size_.count());
}

TableLine EraTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<EraStatus> ParseEraStatus(absl::string_view text) {
  TargetWords words("era status", text);
  EraStatus status;
  status.has_failed = words.TakeIf("Error");
  if (!status.has_failed) {
    DMKIT_ASSIGN_OR_RETURN(status.metadata_block_size, words.SectorCount("metadata block size"));
    DMKIT_ASSIGN_OR_RETURN(const TargetWords::Usage usage, words.UsedOfTotal("metadata usage"));
    status.used_metadata_blocks = usage.used;
    status.total_metadata_blocks = usage.total;
    DMKIT_ASSIGN_OR_RETURN(status.current_era, words.Number32("current era"));
    DMKIT_ASSIGN_OR_RETURN(status.metadata_snapshot, words.NumberOrDash("metadata snapshot"));
  }
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
