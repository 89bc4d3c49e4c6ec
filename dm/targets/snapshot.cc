// SPDX-License-Identifier: Apache-2.0
// The words of the lines of snapshots. Pure text.

#include "dm/targets/snapshot.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/targets/target_options.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

// A chunk has to be below 2 GiB.
constexpr uint64_t kChunkEnd = uint64_t{1} << 22;

absl::string_view KindWord(SnapshotStore kind) {
  switch (kind) {
    case SnapshotStore::kTransient:
      return "N";
    case SnapshotStore::kPersistent:
      return "P";
    case SnapshotStore::kPersistentOverflow:
      return "PO";
  }
  return "";
}

bool IsChunk(sys::Sectors chunk) {
  return chunk.count() == 0 || (IsPowerOfTwo(chunk.count()) && chunk.count() < kChunkEnd);
}

absl::Status CheckArguments(absl::string_view type, const SnapshotArguments& arguments) {
  if (arguments.origin == arguments.store) {
    return RefusedArguments(type, absl::StrCat("origin and store are both ",
                                               sys::FormatDeviceNumber(arguments.origin)));
  }
  if (!IsChunk(arguments.chunk)) {
    return RefusedArguments(type,
                            absl::StrCat("a chunk of ", arguments.chunk.count(),
                                         " sectors; it must be a power of two below ", kChunkEnd));
  }
  if (arguments.chunk.count() == 0 && arguments.kind == SnapshotStore::kTransient) {
    return RefusedArguments(type, "a transient store needs a chunk size");
  }
  if (arguments.discard_passdown_origin && !arguments.discard_zeroes_cow) {
    return RefusedArguments(type, "discard_passdown_origin needs discard_zeroes_cow");
  }
  return absl::OkStatus();
}

absl::StatusOr<SnapshotStore> TakeKind(TargetWords& words) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, words.Word("kind of store"));
  for (SnapshotStore kind : {SnapshotStore::kTransient, SnapshotStore::kPersistent,
                             SnapshotStore::kPersistentOverflow}) {
    if (word == KindWord(kind)) return kind;
  }
  return words.NotUnderstood("kind of store", word);
}

absl::StatusOr<SnapshotArguments> ParseArguments(absl::string_view what, absl::string_view params) {
  TargetWords words(what, params);
  SnapshotArguments arguments;
  DMKIT_ASSIGN_OR_RETURN(arguments.origin, words.Device("origin"));
  DMKIT_ASSIGN_OR_RETURN(arguments.store, words.Device("store"));
  DMKIT_ASSIGN_OR_RETURN(arguments.kind, TakeKind(words));
  const absl::string_view chunk_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(arguments.chunk, words.SectorCount("chunk size"));
  if (!IsChunk(arguments.chunk)) return words.NotUnderstood("chunk size", chunk_word);
  if (words.AtEnd()) return arguments;
  DMKIT_RETURN_IF_ERROR(words.ExpectCountOfRest("number of features"));
  if (words.AtEnd()) return words.NotUnderstood("number of features", "0");
  arguments.discard_zeroes_cow = words.TakeIf("discard_zeroes_cow");
  // Never alone.
  if (arguments.discard_zeroes_cow) {
    arguments.discard_passdown_origin = words.TakeIf("discard_passdown_origin");
  }
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  return arguments;
}

std::string FormatArguments(const SnapshotArguments& arguments) {
  std::vector<std::string> features;
  if (arguments.discard_zeroes_cow) features.emplace_back("discard_zeroes_cow");
  if (arguments.discard_passdown_origin) features.emplace_back("discard_passdown_origin");
  return absl::StrCat(sys::FormatDeviceNumber(arguments.origin), " ",
                      sys::FormatDeviceNumber(arguments.store), " ", KindWord(arguments.kind), " ",
                      arguments.chunk.count(), FormatGroup(features, WhenEmpty::kNothing));
}

}  // namespace

absl::StatusOr<SnapshotTarget> SnapshotTarget::Create(const SnapshotArguments& arguments) {
  DMKIT_RETURN_IF_ERROR(CheckArguments(kType, arguments));
  return SnapshotTarget(arguments);
}

absl::StatusOr<SnapshotTarget> SnapshotTarget::Parse(absl::string_view params) {
  DMKIT_ASSIGN_OR_RETURN(const SnapshotArguments arguments,
                         ParseArguments("snapshot table", params));
  return SnapshotTarget(arguments);
}

std::string SnapshotTarget::Params() const { return FormatArguments(arguments_); }

TableLine SnapshotTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<SnapshotMergeTarget> SnapshotMergeTarget::Create(
    const SnapshotArguments& arguments) {
  DMKIT_RETURN_IF_ERROR(CheckArguments(kType, arguments));
  if (arguments.kind == SnapshotStore::kTransient) {
    return RefusedArguments(kType, "a transient store cannot be merged");
  }
  return SnapshotMergeTarget(arguments);
}

absl::StatusOr<SnapshotMergeTarget> SnapshotMergeTarget::Parse(absl::string_view params) {
  DMKIT_ASSIGN_OR_RETURN(const SnapshotArguments arguments,
                         ParseArguments("snapshot-merge table", params));
  return SnapshotMergeTarget(arguments);
}

std::string SnapshotMergeTarget::Params() const { return FormatArguments(arguments_); }

TableLine SnapshotMergeTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<SnapshotOriginTarget> SnapshotOriginTarget::Parse(absl::string_view params) {
  TargetWords words("snapshot-origin table", params);
  DMKIT_ASSIGN_OR_RETURN(const sys::DeviceNumber origin, words.Device("origin"));
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  return SnapshotOriginTarget(origin);
}

std::string SnapshotOriginTarget::Params() const { return sys::FormatDeviceNumber(origin_); }

TableLine SnapshotOriginTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<SnapshotStatus> ParseSnapshotStatus(absl::string_view text) {
  TargetWords words("snapshot status", text);
  SnapshotStatus status;
  if (words.TakeIf("Invalid")) {
    status.state = SnapshotStatus::State::kInvalid;
  } else if (words.TakeIf("Overflow")) {
    status.state = SnapshotStatus::State::kOverflow;
  } else if (words.TakeIf("Unknown")) {
    status.state = SnapshotStatus::State::kUnknown;
  } else if (words.TakeIf("Merge")) {
    if (!words.TakeIf("failed")) return words.NotUnderstood("state of the merge", words.Peek());
    status.state = SnapshotStatus::State::kMergeFailed;
  } else {
    DMKIT_ASSIGN_OR_RETURN(const TargetWords::Usage usage, words.Ratio("use of the store"));
    status.allocated = sys::Sectors(usage.used);
    status.total = sys::Sectors(usage.total);
    DMKIT_ASSIGN_OR_RETURN(status.metadata, words.SectorCount("metadata of the store"));
  }
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
