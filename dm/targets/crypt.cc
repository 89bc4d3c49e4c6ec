// SPDX-License-Identifier: Apache-2.0
// The words of a crypt line. Pure text.

#include "dm/targets/crypt.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "dm/keys.h"
#include "dm/targets/target_options.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kType = CryptTarget::kType;
constexpr uint32_t kTagBytesMax = 480;
// Of v6.12; v6.1 takes the 8 that it knows.
constexpr size_t kOptionsMax = 9;
constexpr absl::string_view kKeyTypes[] = {"logon", "user", "encrypted", "trusted"};

// The options that are one word each, in the order in which the kernel prints those in front of
// the tag. iv_large_sectors comes behind it.
struct Flag {
  absl::string_view word;
  bool CryptArgs::*field;
};
constexpr Flag kFlags[] = {
    {"allow_discards", &CryptArgs::allow_discards},
    {"same_cpu_crypt", &CryptArgs::same_cpu_crypt},
    {"high_priority", &CryptArgs::high_priority},
    {"submit_from_crypt_cpus", &CryptArgs::submit_from_crypt_cpus},
    {"no_read_workqueue", &CryptArgs::no_read_workqueue},
    {"no_write_workqueue", &CryptArgs::no_write_workqueue},
};
constexpr Flag kLargeSectors = {"iv_large_sectors", &CryptArgs::iv_large_sectors};

absl::Status Bad(absl::string_view detail) { return RefusedArguments(kType, detail); }

// CIPHER[:KEYS]-MODE-IV[:OPTIONS]
absl::Status CheckOldCipher(absl::string_view cipher) {
  if (absl::StrContains(cipher, '(')) return Bad("a cipher with parentheses starts with \"capi:\"");
  const std::vector<absl::string_view> parts = absl::StrSplit(cipher, absl::MaxSplits('-', 2));
  const std::vector<absl::string_view> name = absl::StrSplit(parts[0], absl::MaxSplits(':', 1));
  if (name[0].empty()) return Bad("the cipher has no name");
  if (name.size() > 1) {
    const std::optional<uint32_t> keys = sys::ParseUnsigned32(name[1]);
    if (!keys || !IsPowerOfTwo(*keys)) return Bad("the cipher's number of keys is no power of two");
  }
  // A name alone stands for cbc-plain.
  if (parts.size() == 1 || (parts.size() == 2 && parts[1] == "plain")) return absl::OkStatus();
  if (parts.size() == 2 && parts[1] != "ecb") return Bad("the cipher has no IV mode");
  if (parts.size() == 3 && parts[2] == "essiv") return Bad("essiv has no hash");
  return absl::OkStatus();
}

// capi:SPECIFICATION-IV[:OPTIONS], where the last colon and then the last hyphen part them.
absl::Status CheckNewCipher(absl::string_view cipher) {
  const size_t colon = cipher.rfind(':');
  const absl::string_view front = cipher.substr(0, colon);
  const size_t hyphen = front.rfind('-');
  if (front.substr(0, hyphen).empty()) return Bad("the cipher has no name");
  const bool essiv = hyphen != absl::string_view::npos && front.substr(hyphen + 1) == "essiv";
  if (essiv && colon == absl::string_view::npos) return Bad("essiv has no hash");
  return absl::OkStatus();
}

absl::Status CheckCipher(const CryptArgs& args) {
  DMKIT_RETURN_IF_ERROR(CheckWord(kType, "the cipher", args.cipher));
  absl::string_view cipher = args.cipher;
  if (absl::ConsumePrefix(&cipher, "capi:")) return CheckNewCipher(cipher);
  if (args.tag && args.tag->authenticated) {
    return Bad("an aead cipher is given in the form that starts with \"capi:\"");
  }
  return CheckOldCipher(cipher);
}

absl::Status CheckKey(const CryptArgs& args) {
  if (!args.keyring_key) {
    if (args.key_digits.empty() || IsHex(args.key_digits.Reveal())) return absl::OkStatus();
    return Bad("the key is not an even number of hexadecimal digits");
  }
  const KeyringKey& key = *args.keyring_key;
  if (!args.key_digits.empty()) return Bad("there are both digits and the name of a key");
  if (key.bytes == 0 || key.bytes > uint32_t{std::numeric_limits<int32_t>::max()}) {
    return Bad(absl::StrCat("a key in a keyring has no ", key.bytes, " bytes"));
  }
  if (std::find(std::begin(kKeyTypes), std::end(kKeyTypes), key.type) == std::end(kKeyTypes)) {
    return Bad(absl::StrCat("a key in a keyring is of type logon, user, encrypted or trusted, not ",
                            sys::Printable(key.type)));
  }
  return CheckWord(kType, "the description of the key", key.description);
}

std::vector<std::string> Options(const CryptArgs& args) {
  std::vector<std::string> options;
  for (const Flag& flag : kFlags) {
    if (args.*flag.field) options.emplace_back(flag.word);
  }
  if (args.tag) {
    options.push_back(absl::StrCat("integrity:", args.tag->bytes, ":",
                                   args.tag->authenticated ? "aead" : "none"));
  }
  if (args.sector_bytes != 512) options.push_back(absl::StrCat("sector_size:", args.sector_bytes));
  if (args.iv_large_sectors) options.emplace_back(kLargeSectors.word);
  if (args.integrity_key_bytes) {
    options.push_back(absl::StrCat("integrity_key_size:", *args.integrity_key_bytes));
  }
  options.insert(options.end(), args.other_options.begin(), args.other_options.end());
  return options;
}

absl::Status Check(const CryptArgs& args) {
  DMKIT_RETURN_IF_ERROR(CheckCipher(args));
  DMKIT_RETURN_IF_ERROR(CheckKey(args));
  if (args.tag && (args.tag->bytes == 0 || args.tag->bytes > kTagBytesMax)) {
    return Bad(absl::StrCat("a tag has 1 to ", kTagBytesMax, " bytes, not ", args.tag->bytes));
  }
  if (!IsPowerOfTwo(args.sector_bytes) || args.sector_bytes < 512 || args.sector_bytes > 4096) {
    return Bad(absl::StrCat("sectors have 512, 1024, 2048 or 4096 bytes, not ", args.sector_bytes));
  }
  if (args.iv_offset % (args.sector_bytes / 512) != 0) {
    return Bad("the offset of the IV is not whole sectors of the target");
  }
  if (args.integrity_key_bytes == 0u) return Bad("the integrity key has no bytes");
  DMKIT_RETURN_IF_ERROR(CheckWords(kType, "an option", args.other_options));
  if (Options(args).size() > kOptionsMax) {
    return Bad(absl::StrCat("the kernel takes at most ", kOptionsMax, " options"));
  }
  return absl::OkStatus();
}

// ":BYTES:TYPE:DESCRIPTION"
std::optional<KeyringKey> ParseKeyringKey(absl::string_view word) {
  const std::vector<absl::string_view> parts = absl::StrSplit(word, absl::MaxSplits(':', 3));
  if (parts.size() != 4) return std::nullopt;
  const std::optional<uint32_t> bytes = sys::ParseUnsigned32(parts[1]);
  if (!bytes) return std::nullopt;
  return KeyringKey{*bytes, std::string(parts[2]), std::string(parts[3])};
}

bool TakeTag(absl::string_view option, CryptArgs& args) {
  if (!absl::ConsumePrefix(&option, "integrity:")) return false;
  const std::vector<absl::string_view> parts = absl::StrSplit(option, ':');
  if (parts.size() != 2 || (parts[1] != "aead" && parts[1] != "none")) return false;
  const std::optional<uint32_t> bytes = sys::ParseUnsigned32(parts[0]);
  if (!bytes) return false;
  args.tag = CryptTag{*bytes, parts[1] == "aead"};
  return true;
}

bool TakeFlag(absl::string_view option, CryptArgs& args) {
  if (option == kLargeSectors.word) return args.*kLargeSectors.field = true;
  for (const Flag& flag : kFlags) {
    if (option == flag.word) return args.*flag.field = true;
  }
  return false;
}

void TakeOption(absl::string_view option, CryptArgs& args) {
  if (TakeFlag(option, args) || TakeTag(option, args)) return;
  absl::string_view value = option;
  if (absl::ConsumePrefix(&value, "sector_size:")) {
    const std::optional<uint32_t> bytes = sys::ParseUnsigned32(value);
    if (bytes) {
      args.sector_bytes = *bytes;
      return;
    }
  } else if (absl::ConsumePrefix(&value, "integrity_key_size:")) {
    args.integrity_key_bytes = sys::ParseUnsigned32(value);
    if (args.integrity_key_bytes) return;
  }
  args.other_options.emplace_back(option);
}

absl::Status TakeKey(TargetWords& words, CryptArgs& args) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view key, words.Word("key"));
  if (key == "-") return absl::OkStatus();
  if (key[0] != ':') {
    args.key_digits = sys::Secret(key);
    return absl::OkStatus();
  }
  args.keyring_key = ParseKeyringKey(key);
  return args.keyring_key ? absl::OkStatus() : words.NotUnderstood("key", key);
}

}  // namespace

CryptTarget::CryptTarget(CryptArgs args) : args_(std::move(args)) {
  std::string digits(args_.key_digits.Reveal());
  absl::AsciiStrToLower(&digits);
  args_.key_digits = sys::Secret(digits);
  sys::Wipe(digits);
}

absl::StatusOr<CryptTarget> CryptTarget::Create(CryptArgs args) {
  DMKIT_RETURN_IF_ERROR(Check(args));
  return CryptTarget(std::move(args));
}

absl::StatusOr<CryptTarget> CryptTarget::Parse(absl::string_view params) {
  TargetWords words("crypt table", params, TargetWords::Shown::kSecret);
  CryptArgs args;
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view cipher, words.Word("cipher"));
  args.cipher = std::string(cipher);
  DMKIT_RETURN_IF_ERROR(TakeKey(words, args));
  DMKIT_ASSIGN_OR_RETURN(args.iv_offset, words.Number("offset of the IV"));
  DMKIT_ASSIGN_OR_RETURN(args.device, words.Device("device"));
  DMKIT_ASSIGN_OR_RETURN(args.offset, words.SectorCount("offset"));
  if (!words.AtEnd()) {
    DMKIT_ASSIGN_OR_RETURN(const std::vector<absl::string_view> options,
                           TakeGroup(words, "number of options"));
    for (absl::string_view option : options) TakeOption(option, args);
    DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  }
  DMKIT_RETURN_IF_ERROR(words.ExpectOk(Check(args)));
  return CryptTarget(std::move(args));
}

std::string CryptTarget::Params() const {
  const std::string rest =
      absl::StrCat(" ", args_.iv_offset, " ", sys::FormatDeviceNumber(args_.device), " ",
                   args_.offset.count(), FormatGroup(Options(args_), WhenEmpty::kNothing));
  if (args_.keyring_key) {
    const KeyringKey& key = *args_.keyring_key;
    return absl::StrCat(args_.cipher, " :", key.bytes, ":", key.type, ":", key.description, rest);
  }
  const absl::string_view key = args_.key_digits.empty() ? "-" : args_.key_digits.Reveal();
  return absl::StrCat(args_.cipher, " ", key, rest);
}

std::string CryptTarget::DebugString() const {
  std::string params = Params();
  std::string hidden = HideKeys(kType, params);
  sys::Wipe(params);
  return hidden;
}

absl::StatusOr<TableLine> CryptTarget::Line(sys::Sectors start, sys::Sectors length) const {
  if (length.count() % (args_.sector_bytes / 512) != 0) {
    return Bad(absl::StrCat(length.count(), " sectors are not whole sectors of ",
                            args_.sector_bytes, " bytes"));
  }
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

}  // namespace dmkit::dm
