// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/words.h"

#include <cerrno>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dmkit::dm::dmsetup {
namespace {

// Options whose value or effect is none of the plain kinds.
enum class Special : uint8_t {
  kNone,
  kCount,
  kInterval,
  kMangling,
  kMode,
  kReadAhead,
  kUdevCookie,
  kVerbose
};

// At most one of `flag`, `text`, `number` and `special` is set; an option that is dropped has none
// of them.
struct Option {
  absl::string_view name;
  bool takes_value;
  bool Words::*flag = nullptr;
  std::optional<std::string> Words::*text = nullptr;
  std::optional<int32_t> Words::*number = nullptr;
  Special special = Special::kNone;
};

constexpr Option Flag(absl::string_view name, bool Words::*flag) { return {name, false, flag}; }
constexpr Option Text(absl::string_view name, std::optional<std::string> Words::*text) {
  return {name, true, nullptr, text};
}
constexpr Option Number(absl::string_view name, std::optional<int32_t> Words::*number) {
  return {name, true, nullptr, nullptr, number};
}
constexpr Option Value(absl::string_view name, Special special) {
  return {name, true, nullptr, nullptr, nullptr, special};
}
constexpr Option DroppedFlag(absl::string_view name) { return {name, false}; }
constexpr Option DroppedValue(absl::string_view name) { return {name, true}; }

// The order is the one in which getopt_long() lists what a shortened option may mean.
constexpr Option kOptions[] = {
    Flag("readonly", &Words::read_only),
    DroppedValue("alias"),
    DroppedFlag("alldevices"),
    DroppedFlag("allprograms"),
    DroppedFlag("allregions"),
    DroppedFlag("area"),
    DroppedValue("areas"),
    DroppedValue("areasize"),
    DroppedValue("bounds"),
    DroppedFlag("checks"),
    DroppedFlag("clear"),
    Flag("columns", &Words::columns),
    Flag("concise", &Words::concise),
    Value("count", Special::kCount),
    Flag("deferred", &Words::deferred),
    Text("select", &Words::select),
    Text("exec", &Words::exec),
    DroppedFlag("filemap"),
    DroppedValue("follow"),
    Flag("force", &Words::force),
    DroppedFlag("foreground"),
    Number("gid", &Words::group),
    DroppedFlag("group"),
    DroppedValue("groupid"),
    Flag("help", &Words::help),
    DroppedFlag("histogram"),
    Flag("inactive", &Words::inactive),
    Value("interval", Special::kInterval),
    DroppedValue("length"),
    Value("manglename", Special::kMangling),
    Number("major", &Words::major),
    Number("minor", &Words::minor),
    Value("mode", Special::kMode),
    Flag("nameprefixes", &Words::name_prefixes),
    DroppedFlag("nogroup"),
    Flag("noflush", &Words::no_flush),
    Flag("noheadings", &Words::no_headings),
    Flag("nolockfs", &Words::no_lockfs),
    DroppedFlag("noopencount"),
    DroppedFlag("nosuffix"),
    Flag("notable", &Words::no_table),
    DroppedFlag("notimesuffix"),
    Value("udevcookie", Special::kUdevCookie),
    DroppedFlag("nomonitor"),
    Flag("noudevrules", &Words::no_udev_rules),
    Flag("noudevsync", &Words::no_udev_sync),
    Text("options", &Words::options),
    DroppedFlag("precise"),
    DroppedValue("programid"),
    DroppedFlag("raw"),
    Value("readahead", Special::kReadAhead),
    DroppedFlag("region"),
    DroppedValue("regions"),
    DroppedValue("regionid"),
    DroppedFlag("relative"),
    Flag("retry", &Words::retry),
    Flag("rows", &Words::rows),
    DroppedFlag("segments"),
    Text("separator", &Words::separator),
    Flag("setuuid", &Words::set_uuid),
    Flag("showkeys", &Words::show_keys),
    Text("sort", &Words::sort),
    DroppedValue("start"),
    Text("table", &Words::table),
    Text("target", &Words::target),
    Flag("tree", &Words::tree),
    Number("uid", &Words::user),
    DroppedValue("units"),
    Text("uuid", &Words::uuid),
    DroppedFlag("unbuffered"),
    Flag("unquoted", &Words::unquoted),
    DroppedValue("userdata"),
    // With a value that is not looked at: an oddity of dmsetup's own table.
    Value("verbose", Special::kVerbose),
    Flag("verifyudev", &Words::verify_udev),
    Flag("version", &Words::version),
    Flag("yes", &Words::yes),
    Flag("addnodeonresume", &Words::add_node_on_resume),
    Flag("addnodeoncreate", &Words::add_node_on_create),
};

struct ShortOption {
  char letter;
  bool takes_value;
  absl::string_view name;
};

constexpr ShortOption kShortOptions[] = {
    {'c', false, "columns"}, {'C', false, "columns"}, {'f', false, "force"},
    {'G', true, "gid"},      {'h', false, "help"},    {'j', true, "major"},
    {'m', true, "minor"},    {'M', true, "mode"},     {'n', false, "notable"},
    {'o', true, "options"},  {'O', true, "sort"},     {'r', false, "readonly"},
    {'S', true, "select"},   {'u', true, "uuid"},     {'U', true, "uid"},
    {'v', false, "verbose"}, {'y', false, "yes"},
};

const Option& OptionOf(absl::string_view name) {
  const Option* found = kOptions;
  while (found->name != name) ++found;
  return *found;
}

const ShortOption* FindShort(char letter) {
  for (const ShortOption& option : kShortOptions) {
    if (option.letter == letter) return &option;
  }
  return nullptr;
}

class Parser {
 public:
  Parser(absl::string_view program, const std::vector<std::string>& words)
      : program_(program), words_(words) {}

  ParsedWords Parse() {
    bool only_arguments = false;
    while (at_ < words_.size() && parsed_.ok) {
      const std::string& word = words_[at_++];
      if (only_arguments || word.size() < 2 || word[0] != '-') {
        arguments_.push_back(word);
      } else if (word == "--") {
        only_arguments = true;
      } else if (word[1] == '-') {
        TakeLong(absl::string_view(word).substr(2));
      } else {
        TakeShort(absl::string_view(word).substr(1));
      }
    }
    if (parsed_.ok) CheckTogether();
    if (parsed_.ok && !arguments_.empty()) {
      parsed_.words.command = arguments_.front();
      parsed_.words.arguments.assign(arguments_.begin() + 1, arguments_.end());
    }
    return std::move(parsed_);
  }

 private:
  void Say(absl::string_view line) { absl::StrAppend(&parsed_.errors, line, "\n"); }
  void Fail(absl::string_view line) {
    Say(line);
    parsed_.ok = false;
  }
  void FailUsage(absl::string_view what) { Fail(absl::StrCat(program_, ": ", what)); }

  // The option that `name` is, or is the beginning of; null after an error.
  const Option* FindLong(absl::string_view name, absl::string_view word) {
    std::string possibilities;
    const Option* found = nullptr;
    int count = 0;
    for (const Option& option : kOptions) {
      if (option.name == name) return &option;
      if (!absl::StartsWith(option.name, name)) continue;
      found = &option;
      ++count;
      absl::StrAppend(&possibilities, " '--", option.name, "'");
    }
    if (count == 1) return found;
    if (count == 0) {
      FailUsage(absl::StrCat("unrecognized option '--", word, "'"));
    } else {
      FailUsage(absl::StrCat("option '--", word, "' is ambiguous; possibilities:", possibilities));
    }
    return nullptr;
  }

  void TakeLong(absl::string_view word) {
    const size_t equals = word.find('=');
    const Option* option = FindLong(word.substr(0, equals), word);
    if (option == nullptr) return;
    if (!option->takes_value) {
      if (equals == absl::string_view::npos) return Apply(*option, "");
      return FailUsage(absl::StrCat("option '--", option->name, "' doesn't allow an argument"));
    }
    if (equals != absl::string_view::npos) return Apply(*option, word.substr(equals + 1));
    if (at_ < words_.size()) return Apply(*option, words_[at_++]);
    FailUsage(absl::StrCat("option '--", option->name, "' requires an argument"));
  }

  // One or more letters; the rest of the word is the value of the first one that takes one.
  void TakeShort(absl::string_view letters) {
    while (!letters.empty() && parsed_.ok) {
      const std::string letter(letters.substr(0, 1));
      const ShortOption* option = FindShort(letters[0]);
      letters.remove_prefix(1);
      if (option == nullptr) return FailUsage(absl::StrCat("invalid option -- '", letter, "'"));
      if (!option->takes_value) {
        Apply(OptionOf(option->name), "");
        continue;
      }
      if (!letters.empty()) return Apply(OptionOf(option->name), letters);
      if (at_ < words_.size()) return Apply(OptionOf(option->name), words_[at_++]);
      return FailUsage(absl::StrCat("option requires an argument -- '", letter, "'"));
    }
  }

  void Apply(const Option& option, absl::string_view value) {
    Words& words = parsed_.words;
    if (option.flag != nullptr) words.*option.flag = true;
    if (option.text != nullptr) words.*option.text = std::string(value);
    if (option.number != nullptr) words.*option.number = LeadingNumber(value);
    switch (option.special) {
      case Special::kNone:
        return;
      case Special::kCount:
        if (LeadingNumber(value) < 0) Fail("Count must be zero or greater.");
        return;
      case Special::kInterval:
        if (LeadingNumber(value) <= 0) Fail("Interval must be a positive integer.");
        return;
      case Special::kMangling:
        words.mangling = ParseMangling(value);
        if (!words.mangling.has_value()) Fail("Unknown name mangling mode.");
        return;
      case Special::kMode:
        return TakeMode(value);
      case Special::kReadAhead:
        return TakeReadAhead(value);
      case Special::kUdevCookie:
        words.udev_cookie = ParseCookie(value);
        if (!words.udev_cookie.has_value()) Say("Incorrect cookie value.");
        return;
      case Special::kVerbose:
        ++words.verbose;
        return;
    }
  }

  void TakeMode(absl::string_view value) {
    const std::string text(value);
    char* end = nullptr;
    errno = 0;
    const long mode = std::strtol(text.c_str(), &end, 8);
    const bool too_large = errno != 0;
    parsed_.words.mode = static_cast<int32_t>(mode);
    if (!too_large && *end == '\0' && *parsed_.words.mode != 0) return;
    Fail(absl::StrCat("Invalid argument for --mode: ", value, ". ",
                      too_large ? "Numerical result out of range" : ""));
  }

  void TakeReadAhead(absl::string_view value) {
    parsed_.words.read_ahead.reset();
    if (absl::EqualsIgnoreCase(value, "auto")) return;
    ReadAhead read_ahead;
    if (!absl::EqualsIgnoreCase(value, "none")) {
      const int32_t sectors = LeadingNumber(value);
      if (sectors < -1) {
        return Fail(absl::StrCat("Negative read ahead value (", sectors, ") is not understood."));
      }
      if (sectors == -1) return;
      read_ahead.sectors = static_cast<uint32_t>(sectors);
      read_ahead.at_least = absl::StartsWith(absl::StripLeadingAsciiWhitespace(value), "+");
    }
    parsed_.words.read_ahead = read_ahead;
  }

  void CheckTogether() {
    const Words& words = parsed_.words;
    if (words.major.has_value() != words.minor.has_value()) {
      Fail("Please specify both major number and minor number.");
    } else if (words.table.has_value() && words.no_table) {
      Fail("--table and --notable are incompatible.");
    } else if (words.add_node_on_resume && words.add_node_on_create) {
      Fail("--addnodeonresume and --addnodeoncreate are incompatible.");
    }
  }

  const absl::string_view program_;
  const std::vector<std::string>& words_;
  size_t at_ = 0;
  std::vector<std::string> arguments_;
  ParsedWords parsed_;
};

}  // namespace

ParsedWords ParseWords(absl::string_view program, const std::vector<std::string>& words) {
  return Parser(program, words).Parse();
}

int32_t LeadingNumber(absl::string_view text) {
  return static_cast<int32_t>(std::strtol(std::string(text).c_str(), nullptr, 10));
}

std::optional<uint32_t> ParseCookie(absl::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  errno = 0;
  const unsigned long value = std::strtoul(copy.c_str(), &end, 0);
  if (errno != 0 || *end != '\0' || value == 0 || value > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(value);
}

}  // namespace dmkit::dm::dmsetup
