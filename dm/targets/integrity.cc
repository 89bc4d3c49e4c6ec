// SPDX-License-Identifier: Apache-2.0
// The words of an integrity line. Pure text.

#include "dm/targets/integrity.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/keys.h"
#include "dm/targets/target_options.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kType = IntegrityTarget::kType;
constexpr uint32_t kTagBytesMax = 255;
constexpr size_t kOptionsMax = 18;
constexpr absl::string_view kModes = "JBDRI";

struct Flag {
  absl::string_view word;
  bool IntegrityArgs::*field;
};
struct Value {
  absl::string_view word;
  std::optional<uint32_t> IntegrityArgs::*field;
};
struct Algorithm {
  absl::string_view word;
  std::optional<IntegrityAlgorithm> IntegrityArgs::*field;
};

// In the kernel's order, which is: meta_device, block_size, the first flags, values, those of the
// bitmap, the last flags, algorithms.
constexpr absl::string_view kMetaDevice = "meta_device:";
constexpr absl::string_view kBlockSize = "block_size:";
constexpr Flag kFirstFlags[] = {
    {"recalculate", &IntegrityArgs::recalculate},
    {"reset_recalculate", &IntegrityArgs::reset_recalculate},
    {"allow_discards", &IntegrityArgs::allow_discards},
    {"allow_discards_keyed", &IntegrityArgs::allow_discards_keyed},
};
constexpr Value kValues[] = {
    {"journal_sectors:", &IntegrityArgs::journal_sectors},
    {"interleave_sectors:", &IntegrityArgs::interleave_sectors},
    {"buffer_sectors:", &IntegrityArgs::buffer_sectors},
    {"journal_watermark:", &IntegrityArgs::journal_watermark},
    {"commit_time:", &IntegrityArgs::commit_time_ms},
};
constexpr absl::string_view kSectorsPerBit = "sectors_per_bit:";
constexpr Value kBitmapFlush = {"bitmap_flush_interval:", &IntegrityArgs::bitmap_flush_ms};
constexpr Flag kLastFlags[] = {
    {"fix_padding", &IntegrityArgs::fix_padding},
    {"fix_hmac", &IntegrityArgs::fix_hmac},
    {"legacy_recalculate", &IntegrityArgs::legacy_recalculate},
};
constexpr Algorithm kAlgorithms[] = {
    {"internal_hash:", &IntegrityArgs::internal_hash},
    {"journal_crypt:", &IntegrityArgs::journal_crypt},
    {"journal_mac:", &IntegrityArgs::journal_mac},
};

absl::Status Bad(absl::string_view detail) { return RefusedArguments(kType, detail); }

// The options that hold no key.
std::vector<std::string> PlainOptions(const IntegrityArgs& args) {
  std::vector<std::string> options;
  const auto add_flag = [&](const Flag& flag) {
    if (args.*flag.field) options.emplace_back(flag.word);
  };
  const auto add_value = [&](const Value& value) {
    if (args.*value.field) options.push_back(absl::StrCat(value.word, *(args.*value.field)));
  };
  if (args.meta_device) {
    options.push_back(absl::StrCat(kMetaDevice, sys::FormatDeviceNumber(*args.meta_device)));
  }
  if (args.block_bytes != 512) options.push_back(absl::StrCat(kBlockSize, args.block_bytes));
  for (const Flag& flag : kFirstFlags) add_flag(flag);
  for (const Value& value : kValues) add_value(value);
  if (args.sectors_per_bit) {
    options.push_back(absl::StrCat(kSectorsPerBit, *args.sectors_per_bit));
  }
  add_value(kBitmapFlush);
  for (const Flag& flag : kLastFlags) add_flag(flag);
  return options;
}

size_t CountAlgorithms(const IntegrityArgs& args) {
  size_t count = 0;
  for (const Algorithm& algorithm : kAlgorithms) count += (args.*algorithm.field) ? 1u : 0u;
  return count;
}

size_t CountOptions(const IntegrityArgs& args) {
  return PlainOptions(args).size() + CountAlgorithms(args) + args.other_options.size();
}

absl::Status CheckAlgorithm(absl::string_view word, const IntegrityAlgorithm& algorithm) {
  DMKIT_RETURN_IF_ERROR(CheckWord(kType, "an algorithm", algorithm.name));
  if (absl::StrContains(algorithm.name, ':')) {
    return Bad(absl::StrCat("the algorithm of ", word, " holds a colon"));
  }
  if (algorithm.key_digits.empty() || IsHex(algorithm.key_digits.Reveal())) {
    return absl::OkStatus();
  }
  return Bad(absl::StrCat("the key of ", word, " is not an even number of hexadecimal digits"));
}

absl::Status CheckSizes(const IntegrityArgs& args) {
  if (args.tag_bytes && (*args.tag_bytes == 0 || *args.tag_bytes > kTagBytesMax)) {
    return Bad(absl::StrCat("a tag has 1 to ", kTagBytesMax, " bytes, not ", *args.tag_bytes));
  }
  if (!args.tag_bytes && !args.internal_hash) {
    return Bad("without an internal hash the size of a tag must be given");
  }
  if (!IsPowerOfTwo(args.block_bytes) || args.block_bytes < 512 || args.block_bytes > 4096) {
    return Bad(absl::StrCat("blocks have 512, 1024, 2048 or 4096 bytes, not ", args.block_bytes));
  }
  if (args.journal_watermark.value_or(0) > 100) {
    return Bad(absl::StrCat("a watermark of ", *args.journal_watermark, " percent"));
  }
  return absl::OkStatus();
}

// Gives what an option implies the form in which the kernel prints it.
void Normalise(IntegrityArgs& args) {
  if (args.reset_recalculate) args.recalculate = true;
  if (args.allow_discards_keyed) args.allow_discards = false;
}

// What does not go together.
absl::Status CheckMode(const IntegrityArgs& args) {
  const bool discards = args.allow_discards || args.allow_discards_keyed;
  const bool recalculates = args.recalculate || args.reset_recalculate;
  const bool is_inline = args.mode == IntegrityMode::kInline;
  if (!args.internal_hash &&
      (args.mode == IntegrityMode::kBitmap || is_inline || discards || recalculates)) {
    return Bad("bitmap and inline mode, discards and recalculation need an internal hash");
  }
  if (args.allow_discards_keyed && args.internal_hash->key_digits.empty()) {
    return Bad("keyed discards need an internal hash with a key");
  }
  if (is_inline && (args.meta_device || args.journal_crypt || args.journal_mac || discards)) {
    return Bad("inline mode goes without a second device, a journal and discards");
  }
  return absl::OkStatus();
}

absl::Status Check(const IntegrityArgs& args) {
  DMKIT_RETURN_IF_ERROR(CheckSizes(args));
  for (const Algorithm& algorithm : kAlgorithms) {
    if (!(args.*algorithm.field)) continue;
    DMKIT_RETURN_IF_ERROR(CheckAlgorithm(algorithm.word, *(args.*algorithm.field)));
  }
  DMKIT_RETURN_IF_ERROR(CheckMode(args));
  DMKIT_RETURN_IF_ERROR(CheckWords(kType, "an option", args.other_options));
  if (CountOptions(args) > kOptionsMax) {
    return Bad(absl::StrCat("the kernel takes at most ", kOptionsMax, " options"));
  }
  return absl::OkStatus();
}

bool TakeFlag(absl::string_view option, IntegrityArgs& args) {
  for (const Flag& flag : kFirstFlags) {
    if (option == flag.word) return args.*flag.field = true;
  }
  for (const Flag& flag : kLastFlags) {
    if (option == flag.word) return args.*flag.field = true;
  }
  return false;
}

// Whether `option` is `value` with a number.
bool TakeValue(absl::string_view option, const Value& value, IntegrityArgs& args) {
  if (!absl::ConsumePrefix(&option, value.word)) return false;
  const std::optional<uint32_t> number = sys::ParseUnsigned32(option);
  if (number) args.*value.field = number;
  return number.has_value();
}

bool TakeAlgorithm(absl::string_view option, IntegrityArgs& args) {
  for (const Algorithm& algorithm : kAlgorithms) {
    absl::string_view text = option;
    if (!absl::ConsumePrefix(&text, algorithm.word)) continue;
    const size_t colon = text.find(':');
    IntegrityAlgorithm parsed{std::string(text.substr(0, colon)), {}};
    if (colon != absl::string_view::npos) parsed.key_digits = sys::Secret(text.substr(colon + 1));
    args.*algorithm.field = std::move(parsed);
    return true;
  }
  return false;
}

// Whether `option` is one of those that hold something else than a number of 32 bits.
bool TakeOther(absl::string_view option, IntegrityArgs& args) {
  absl::string_view text = option;
  if (absl::ConsumePrefix(&text, kMetaDevice)) {
    const std::optional<sys::DeviceNumber> device = sys::ParseDeviceNumber(text);
    if (device) args.meta_device = device;
    return device.has_value();
  }
  if (absl::ConsumePrefix(&text, kBlockSize)) {
    const std::optional<uint32_t> bytes = sys::ParseUnsigned32(text);
    if (bytes) args.block_bytes = *bytes;
    return bytes.has_value();
  }
  if (absl::ConsumePrefix(&text, kSectorsPerBit)) {
    const std::optional<uint64_t> sectors = sys::ParseUnsigned(text);
    if (sectors) args.sectors_per_bit = sectors;
    return sectors.has_value();
  }
  return false;
}

void TakeOption(absl::string_view option, IntegrityArgs& args) {
  if (TakeFlag(option, args) || TakeAlgorithm(option, args) || TakeOther(option, args) ||
      TakeValue(option, kBitmapFlush, args)) {
    return;
  }
  for (const Value& value : kValues) {
    if (TakeValue(option, value, args)) return;
  }
  args.other_options.emplace_back(option);
}

}  // namespace

IntegrityTarget::IntegrityTarget(IntegrityArgs args) : args_(std::move(args)) {}

absl::StatusOr<IntegrityTarget> IntegrityTarget::Create(IntegrityArgs args) {
  Normalise(args);
  DMKIT_RETURN_IF_ERROR(Check(args));
  return IntegrityTarget(std::move(args));
}

absl::StatusOr<IntegrityTarget> IntegrityTarget::Parse(absl::string_view params) {
  TargetWords words("integrity table", params, TargetWords::Shown::kSecret);
  IntegrityArgs args;
  DMKIT_ASSIGN_OR_RETURN(args.device, words.Device("device"));
  DMKIT_ASSIGN_OR_RETURN(args.reserved, words.SectorCount("reserved sectors"));
  if (!words.TakeIf("-")) {
    DMKIT_ASSIGN_OR_RETURN(args.tag_bytes, words.Number32("size of a tag"));
  }
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view mode, words.Letters("mode", kModes, 1));
  args.mode = static_cast<IntegrityMode>(mode[0]);
  DMKIT_ASSIGN_OR_RETURN(const std::vector<absl::string_view> options,
                         TakeGroup(words, "number of options"));
  for (absl::string_view option : options) TakeOption(option, args);
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  Normalise(args);
  DMKIT_RETURN_IF_ERROR(words.ExpectOk(Check(args)));
  return IntegrityTarget(std::move(args));
}

std::string IntegrityTarget::Params() const {
  const std::string front = absl::StrCat(
      sys::FormatDeviceNumber(args_.device), " ", args_.reserved.count(), " ",
      args_.tag_bytes ? absl::StrCat(*args_.tag_bytes) : "-", " ",
      absl::string_view(reinterpret_cast<const char*>(&args_.mode), 1), " ", CountOptions(args_));
  std::string plain, other;
  AppendWords(PlainOptions(args_), plain);
  AppendWords(args_.other_options, other);
  size_t room = front.size() + plain.size() + other.size();
  for (const Algorithm& algorithm : kAlgorithms) {
    const auto& given = args_.*algorithm.field;
    if (given) room += algorithm.word.size() + given->name.size() + given->key_digits.size() + 2;
  }
  // A key must not stay behind where the string was before it grew.
  std::string params;
  params.reserve(room);
  absl::StrAppend(&params, front, plain);
  for (const Algorithm& algorithm : kAlgorithms) {
    const auto& given = args_.*algorithm.field;
    if (!given) continue;
    absl::StrAppend(&params, " ", algorithm.word, given->name);
    if (!given->key_digits.empty()) absl::StrAppend(&params, ":", given->key_digits.Reveal());
  }
  absl::StrAppend(&params, other);
  return params;
}

std::string IntegrityTarget::DebugString() const {
  std::string params = Params();
  std::string hidden = HideKeys(kType, params);
  sys::Wipe(params);
  return hidden;
}

absl::StatusOr<TableLine> IntegrityTarget::Line(sys::Sectors start, sys::Sectors length) const {
  if (length.count() % (args_.block_bytes / 512) != 0) {
    return Bad(absl::StrCat(length.count(), " sectors are not whole blocks of ", args_.block_bytes,
                            " bytes"));
  }
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<IntegrityStatus> ParseIntegrityStatus(absl::string_view text) {
  TargetWords words("integrity status", text);
  IntegrityStatus status;
  DMKIT_ASSIGN_OR_RETURN(status.mismatches, words.Number("number of mismatches"));
  DMKIT_ASSIGN_OR_RETURN(status.provided, words.SectorCount("provided sectors"));
  DMKIT_ASSIGN_OR_RETURN(const std::optional<uint64_t> recalculated,
                         words.NumberOrDash("recalculated sectors"));
  if (recalculated) status.recalculated = sys::Sectors(*recalculated);
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
