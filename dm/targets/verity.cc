// SPDX-License-Identifier: Apache-2.0
// The words of a verity line. Pure text.

#include "dm/targets/verity.h"

#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "dm/targets/target_options.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kType = VerityTarget::kType;
constexpr uint32_t kPageBytesMax = 65536;

// Words in the order of the enumerators; nothing is said of the first one.
constexpr absl::string_view kCorruptionWords[] = {"", "ignore_corruption", "restart_on_corruption",
                                                  "panic_on_corruption"};
constexpr absl::string_view kErrorWords[] = {"", "restart_on_error", "panic_on_error"};

// In the kernel's order, as the flags.
constexpr absl::string_view kIgnoreZeroBlocks = "ignore_zero_blocks";
constexpr absl::string_view kCheckAtMostOnce = "check_at_most_once";
constexpr absl::string_view kTasklet = "try_verify_in_tasklet";
constexpr absl::string_view kFecDevice = "use_fec_from_device";
constexpr absl::string_view kFecBlocks = "fec_blocks";
constexpr absl::string_view kFecStart = "fec_start";
constexpr absl::string_view kFecRoots = "fec_roots";
constexpr absl::string_view kSignatureKey = "root_hash_sig_key_desc";

struct DigestBytes {
  absl::string_view algorithm;
  size_t bytes;
};
constexpr DigestBytes kDigests[] = {
    {"sha1", 20}, {"sha224", 28}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}};

absl::Status Bad(absl::string_view detail) { return RefusedArguments(kType, detail); }

absl::Status CheckBlocks(absl::string_view of, uint32_t block_bytes, uint32_t bytes_max) {
  if (IsPowerOfTwo(block_bytes) && block_bytes >= 512 && block_bytes <= bytes_max) {
    return absl::OkStatus();
  }
  return Bad(absl::StrCat("blocks of ", of, " have 512 to ", bytes_max,
                          " bytes, a power of two, not ", block_bytes));
}

// Whether so many blocks can be counted in sectors.
bool Fits(uint64_t blocks, uint32_t block_bytes) {
  return blocks <= std::numeric_limits<uint64_t>::max() / (block_bytes / 512);
}

absl::Status CheckDigest(const VerityArgs& args) {
  DMKIT_RETURN_IF_ERROR(CheckWord(kType, "the algorithm", args.algorithm));
  if (!IsHex(args.root_digest)) return Bad("the root digest is not hexadecimal digits");
  for (const DigestBytes& digest : kDigests) {
    if (digest.algorithm == args.algorithm && args.root_digest.size() != 2 * digest.bytes) {
      return Bad(absl::StrCat("a digest of ", digest.algorithm, " has ", 2 * digest.bytes,
                              " digits, not ", args.root_digest.size()));
    }
  }
  if (args.salt.empty() || IsHex(args.salt)) return absl::OkStatus();
  return Bad("the salt is not hexadecimal digits");
}

absl::Status CheckFec(const VerityArgs& args) {
  if (!args.fec) return absl::OkStatus();
  if (args.data_block_bytes != args.hash_block_bytes) {
    return Bad("error correction needs blocks of data and of hashes that have one size");
  }
  if (args.fec->roots < 2 || args.fec->roots > 24) {
    return Bad(absl::StrCat("error correction has 2 to 24 roots, not ", args.fec->roots));
  }
  if (args.fec->blocks == 0 || args.fec->blocks < args.data_blocks) {
    return Bad("error correction covers fewer blocks than there are data");
  }
  if (Fits(args.fec->blocks, args.data_block_bytes) &&
      Fits(args.fec->start, args.data_block_bytes)) {
    return absl::OkStatus();
  }
  return Bad("blocks of error correction are out of range");
}

absl::Status Check(const VerityArgs& args) {
  if (args.version > 1) return Bad(absl::StrCat("there is no version ", args.version));
  DMKIT_RETURN_IF_ERROR(CheckBlocks("data", args.data_block_bytes, kPageBytesMax));
  constexpr uint32_t kHashBlockMax = uint32_t{1} << 30;
  DMKIT_RETURN_IF_ERROR(CheckBlocks("hashes", args.hash_block_bytes, kHashBlockMax));
  if (!Fits(args.data_blocks, args.data_block_bytes)) return Bad("too many blocks of data");
  if (!Fits(args.hash_start, args.hash_block_bytes)) return Bad("the hashes start too far behind");
  DMKIT_RETURN_IF_ERROR(CheckDigest(args));
  DMKIT_RETURN_IF_ERROR(CheckFec(args));
  if (args.signature_key) {
    DMKIT_RETURN_IF_ERROR(CheckWord(kType, "the name of the signature", *args.signature_key));
  }
  return CheckWords(kType, "an option", args.other_options);
}

std::vector<std::string> Options(const VerityArgs& args) {
  std::vector<std::string> options;
  const auto add = [&options](absl::string_view word) { options.emplace_back(word); };
  if (args.on_corruption != VerityCorruption::kIoError) {
    add(kCorruptionWords[static_cast<size_t>(args.on_corruption)]);
  }
  if (args.on_error != VerityError::kIoError) add(kErrorWords[static_cast<size_t>(args.on_error)]);
  if (args.ignore_zero_blocks) add(kIgnoreZeroBlocks);
  if (args.check_at_most_once) add(kCheckAtMostOnce);
  if (args.try_verify_in_tasklet) add(kTasklet);
  if (args.fec) {
    add(kFecDevice);
    add(sys::FormatDeviceNumber(args.fec->device));
    add(kFecBlocks);
    add(absl::StrCat(args.fec->blocks));
    add(kFecStart);
    add(absl::StrCat(args.fec->start));
    add(kFecRoots);
    add(absl::StrCat(args.fec->roots));
  }
  if (args.signature_key) {
    add(kSignatureKey);
    add(*args.signature_key);
  }
  options.insert(options.end(), args.other_options.begin(), args.other_options.end());
  return options;
}

// The four parts of VerityFec as they come in.
struct FecWords {
  std::optional<sys::DeviceNumber> device;
  std::optional<uint64_t> blocks, start;
  std::optional<uint32_t> roots;
};

// Whether `name` is an option of error correction with `value` as its value.
bool TakeFec(absl::string_view name, absl::string_view value, FecWords& fec) {
  if (name == kFecDevice) return (fec.device = sys::ParseDeviceNumber(value)).has_value();
  if (name == kFecBlocks) return (fec.blocks = sys::ParseUnsigned(value)).has_value();
  if (name == kFecStart) return (fec.start = sys::ParseUnsigned(value)).has_value();
  return (fec.roots = sys::ParseUnsigned32(value)).has_value();
}

bool TakeFlag(absl::string_view option, VerityArgs& args) {
  for (size_t i = 1; i < std::size(kCorruptionWords); ++i) {
    if (option != kCorruptionWords[i]) continue;
    args.on_corruption = static_cast<VerityCorruption>(i);
    return true;
  }
  for (size_t i = 1; i < std::size(kErrorWords); ++i) {
    if (option != kErrorWords[i]) continue;
    args.on_error = static_cast<VerityError>(i);
    return true;
  }
  if (option == kIgnoreZeroBlocks) return args.ignore_zero_blocks = true;
  if (option == kCheckAtMostOnce) return args.check_at_most_once = true;
  if (option == kTasklet) return args.try_verify_in_tasklet = true;
  return false;
}

// An error names the option that has no value, or one that is not understood.
absl::Status TakeOptions(const TargetWords& words, absl::Span<const absl::string_view> options,
                         VerityArgs& args) {
  FecWords fec;
  bool any_fec = false;
  for (size_t i = 0; i < options.size(); ++i) {
    const absl::string_view option = options[i];
    if (TakeFlag(option, args)) continue;
    const bool is_fec =
        option == kFecDevice || option == kFecBlocks || option == kFecStart || option == kFecRoots;
    if (!is_fec && option != kSignatureKey) {
      args.other_options.emplace_back(option);
      continue;
    }
    if (++i == options.size()) return words.NotUnderstood("last option", option);
    if (is_fec && !TakeFec(option, options[i], fec)) return words.NotUnderstood(option, options[i]);
    if (!is_fec) args.signature_key = std::string(options[i]);
    any_fec |= is_fec;
  }
  if (!any_fec) return absl::OkStatus();
  if (!fec.device || !fec.blocks || !fec.roots) {
    return words.NotUnderstood("error correction", "incomplete");
  }
  args.fec = VerityFec{*fec.device, *fec.blocks, fec.start.value_or(0), *fec.roots};
  return absl::OkStatus();
}

}  // namespace

VerityTarget::VerityTarget(VerityArgs args) : args_(std::move(args)) {
  absl::AsciiStrToLower(&args_.root_digest);
  absl::AsciiStrToLower(&args_.salt);
}

absl::StatusOr<VerityTarget> VerityTarget::Create(VerityArgs args) {
  DMKIT_RETURN_IF_ERROR(Check(args));
  return VerityTarget(std::move(args));
}

absl::StatusOr<VerityTarget> VerityTarget::Parse(absl::string_view params) {
  TargetWords words("verity table", params);
  VerityArgs args;
  DMKIT_ASSIGN_OR_RETURN(args.version, words.Number32("version"));
  DMKIT_ASSIGN_OR_RETURN(args.data_device, words.Device("data device"));
  DMKIT_ASSIGN_OR_RETURN(args.hash_device, words.Device("hash device"));
  DMKIT_ASSIGN_OR_RETURN(args.data_block_bytes, words.Number32("size of data blocks"));
  DMKIT_ASSIGN_OR_RETURN(args.hash_block_bytes, words.Number32("size of hash blocks"));
  DMKIT_ASSIGN_OR_RETURN(args.data_blocks, words.Number("number of data blocks"));
  DMKIT_ASSIGN_OR_RETURN(args.hash_start, words.Number("start of the hashes"));
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view algorithm, words.Word("algorithm"));
  args.algorithm = std::string(algorithm);
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view digest, words.Word("root digest"));
  args.root_digest = std::string(digest);
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view salt, words.Word("salt"));
  if (salt != "-") args.salt = std::string(salt);
  if (!words.AtEnd()) {
    DMKIT_ASSIGN_OR_RETURN(const std::vector<absl::string_view> options,
                           TakeGroup(words, "number of options"));
    DMKIT_RETURN_IF_ERROR(TakeOptions(words, options, args));
    DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  }
  DMKIT_RETURN_IF_ERROR(words.ExpectOk(Check(args)));
  return VerityTarget(std::move(args));
}

std::string VerityTarget::Params() const {
  return absl::StrCat(
      absl::StrCat(args_.version, " ", sys::FormatDeviceNumber(args_.data_device), " ",
                   sys::FormatDeviceNumber(args_.hash_device), " ", args_.data_block_bytes, " ",
                   args_.hash_block_bytes, " ", args_.data_blocks, " ", args_.hash_start),
      " ", args_.algorithm, " ", args_.root_digest, " ", args_.salt.empty() ? "-" : args_.salt,
      FormatGroup(Options(args_), WhenEmpty::kNothing));
}

absl::StatusOr<TableLine> VerityTarget::Line(sys::Sectors start, sys::Sectors length) const {
  const uint64_t data = args_.data_blocks * (args_.data_block_bytes / 512);
  if (length.count() > data) {
    return Bad(absl::StrCat(length.count(), " sectors are more than the ", data, " of data"));
  }
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<VerityStatus> ParseVerityStatus(absl::string_view text) {
  TargetWords words("verity status", text);
  VerityStatus status;
  DMKIT_ASSIGN_OR_RETURN(status.corrupted, words.OneOfTwo("state", "C", "V"));
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
