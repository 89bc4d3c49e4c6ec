// SPDX-License-Identifier: Apache-2.0
// One table of options, each with its own parser, and then the rules between options. What a value
// means to a device or a filesystem that exists is for the driver to find out.

#include "driver/options.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
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
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "dm/types.h"
#include "driver/filesystem.h"
#include "sys/status.h"
#include "sys/text.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

constexpr sys::Bytes kBlockStep{uint64_t{64} << 10};
constexpr sys::Bytes kBlockSizeMax{uint64_t{1} << 30};
// PATH_MAX without its NUL: no device path and no mount data can be longer.
constexpr size_t kValueBytesMax = 4095;
// Enough of a wrong value to recognise it by.
constexpr size_t kShownBytes = 100;

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", sys::Printable(text.substr(0, kShownBytes)),
                      text.size() > kShownBytes ? "...\"" : "\"");
}

absl::Status Refuse(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " ", why));
}

// The power of two that a size's suffix stands for; nothing when it is none.
std::optional<unsigned> SuffixShift(absl::string_view suffix) {
  if (suffix.empty() || absl::EqualsIgnoreCase(suffix, "b")) return 0;
  static constexpr absl::string_view kLetters = "kmgtp";
  const size_t letter = kLetters.find(absl::ascii_tolower(static_cast<unsigned char>(suffix[0])));
  if (letter == absl::string_view::npos) return std::nullopt;
  const absl::string_view rest = suffix.substr(1);
  if (!rest.empty() && !absl::EqualsIgnoreCase(rest, "b") && !absl::EqualsIgnoreCase(rest, "ib")) {
    return std::nullopt;
  }
  return static_cast<unsigned>(10 * (letter + 1));
}

absl::string_view TakeDigits(absl::string_view& text) {
  size_t count = 0;
  while (count < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[count]))) {
    ++count;
  }
  const absl::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// floor(0.<digits> * 2^shift), for shift <= 50. Digits behind the 18th are less than a byte.
uint64_t Fraction(absl::string_view digits, unsigned shift) {
  uint64_t value = 0;
  uint64_t scale = 1;
  for (const char c : digits.substr(0, 18)) {
    value = value * 10 + static_cast<uint64_t>(c - '0');
    scale *= 10;
  }
  return static_cast<uint64_t>((static_cast<unsigned __int128>(value) << shift) / scale);
}

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
    return Refuse(value, "is too small for a pool's metadata; the least is 2m");
  }
  options.metadata_loop_size = size;
  return absl::OkStatus();
}

absl::Status SetBlockSize(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size, ParseSize(value));
  if (size < kBlockStep || size > kBlockSizeMax || size.count() % kBlockStep.count() != 0) {
    return Refuse(value, "is not a multiple of 64k between 64k and 1g");
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

absl::Status CheckDevicePath(absl::string_view value) {
  if (value[0] == '/' && value.back() != '/') return absl::OkStatus();
  return Refuse(value, "is not the absolute path of a block device, like /dev/sdb");
}

absl::Status SetDataDevice(absl::string_view value, Options& options) {
  DMKIT_RETURN_IF_ERROR(CheckDevicePath(value));
  options.data_device = std::string(value);
  return absl::OkStatus();
}

absl::Status SetMetadataDevice(absl::string_view value, Options& options) {
  DMKIT_RETURN_IF_ERROR(CheckDevicePath(value));
  options.metadata_device = std::string(value);
  return absl::OkStatus();
}

absl::Status SetThinPool(absl::string_view value, Options& options) {
  DMKIT_ASSIGN_OR_RETURN(const dm::DmName name,
                         dm::DmName::Create(absl::StripPrefix(value, "/dev/mapper/")));
  options.thin_pool = name.text();
  return absl::OkStatus();
}

struct Option {
  absl::string_view name;
  absl::Status (*set)(absl::string_view value, Options& options);
};

constexpr Option kOptions[] = {
    {"dm.basesize", SetBaseSize},
    {"dm.loopdatasize", SetDataLoopSize},
    {"dm.loopmetadatasize", SetMetadataLoopSize},
    {"dm.blocksize", SetBlockSize},
    {"dm.fs", SetFilesystem},
    {"dm.mkfsarg", AddMakeArgument},
    {"dm.mountopt", AddMountOptions},
    {"dm.datadev", SetDataDevice},
    {"dm.metadatadev", SetMetadataDevice},
    {"dm.thinpooldev", SetThinPool},
};

const Option* FindOption(absl::string_view name) {
  for (const Option& option : kOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

std::string KnownNames() {
  return absl::StrJoin(kOptions, ", ", [](std::string* out, const Option& option) {
    absl::StrAppend(out, option.name);
  });
}

absl::Status ParseWord(absl::string_view word, Options& options) {
  const size_t equals = word.find('=');
  if (equals == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("option ", Quoted(word), ": not of the form dm.KEY=VALUE"));
  }
  const std::string key = absl::AsciiStrToLower(absl::StripAsciiWhitespace(word.substr(0, equals)));
  const absl::string_view value = absl::StripAsciiWhitespace(word.substr(equals + 1));
  const Option* option = FindOption(key);
  if (option == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("option ", Quoted(key), ": unknown; known are ", KnownNames()));
  }
  const std::string context = absl::StrCat("option ", option->name);
  if (value.empty()) return sys::AddContext(Refuse(value, "is no value"), context);
  if (value.size() > kValueBytesMax) {
    return sys::AddContext(Refuse(value, "is longer than 4095 bytes"), context);
  }
  for (const char c : value) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return sys::AddContext(Refuse(value, "holds a control character"), context);
    }
  }
  return sys::AddContext(option->set(value, options), context);
}

// A pool that the admin gives has its own devices and block size.
absl::Status CheckGivenPool(const Options& options) {
  if (options.thin_pool.empty()) return absl::OkStatus();
  const std::pair<absl::string_view, bool> excluded[] = {
      {"dm.datadev", !options.data_device.empty()},
      {"dm.metadatadev", !options.metadata_device.empty()},
      {"dm.loopdatasize", options.data_loop_size.has_value()},
      {"dm.loopmetadatasize", options.metadata_loop_size.has_value()},
      {"dm.blocksize", options.block_size.has_value()},
  };
  for (const auto& [name, given] : excluded) {
    if (!given) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("option ", name,
                     ": means nothing beside dm.thinpooldev, whose pool has its "
                     "own; give only one of the two"));
  }
  return absl::OkStatus();
}

absl::Status CheckTogether(const Options& options) {
  DMKIT_RETURN_IF_ERROR(CheckGivenPool(options));
  if (!options.data_device.empty() && options.data_device == options.metadata_device) {
    return absl::InvalidArgumentError(
        absl::StrCat("option dm.metadatadev: ", Quoted(options.metadata_device),
                     " is the data device; give two devices"));
  }
  const FilesystemType filesystem = options.filesystem.value_or(FilesystemType::kExt4);
  const sys::Bytes base_size = options.base_size.value_or(kBaseSizeDefault);
  if (base_size < MinimumSize(filesystem)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "option dm.basesize: ", base_size.count(), " bytes is too small for ",
        FilesystemName(filesystem), "; the least is ", MinimumSize(filesystem).count() >> 20, "m"));
  }
  const sys::Sectors data_size =
      sys::WholeSectors(options.data_loop_size.value_or(kDataLoopSizeDefault));
  const sys::Sectors block_size = options.block_size.value_or(kBlockSizeDefault);
  if (data_size < block_size) {
    return absl::InvalidArgumentError(absl::StrCat("option dm.loopdatasize: ", data_size.count(),
                                                   " sectors do not hold one block of ",
                                                   block_size.count(), " sectors"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& words) {
  Options options;
  for (const std::string& word : words) {
    DMKIT_RETURN_IF_ERROR(ParseWord(word, options));
  }
  DMKIT_RETURN_IF_ERROR(CheckTogether(options));
  return options;
}

absl::StatusOr<sys::Bytes> ParseSize(absl::string_view text) {
  if (absl::StartsWith(text, "-")) return Refuse(text, "is negative; a size is more than 0");
  absl::string_view rest = text;
  const absl::string_view whole_digits = TakeDigits(rest);
  const absl::string_view fraction_digits =
      absl::ConsumePrefix(&rest, ".") ? TakeDigits(rest) : absl::string_view();
  absl::ConsumePrefix(&rest, " ");
  const std::optional<unsigned> shift = SuffixShift(rest);
  if ((whole_digits.empty() && fraction_digits.empty()) || !shift.has_value()) {
    return Refuse(text, "is not a size; right is a number, then b, k, m, g, t or p, like 10g");
  }
  const std::optional<uint64_t> whole = whole_digits.empty() ? 0 : sys::ParseUnsigned(whole_digits);
  const auto bytes_max = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!whole.has_value() || *whole > (bytes_max >> *shift)) {
    return Refuse(text, "is more than 2^63 - 1 bytes");
  }
  // The fraction is less than 2^shift, so the sum stays within what was checked.
  const uint64_t bytes = (*whole << *shift) + Fraction(fraction_digits, *shift);
  if (bytes == 0) return Refuse(text, "is no byte; a size is more than 0");
  return sys::Bytes(bytes);
}

std::string HumanSize(sys::Bytes size) {
  static constexpr absl::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(size.count());
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return absl::StrFormat("%.4g%s", value, kUnits[unit]);
}

}  // namespace dmkit::driver
