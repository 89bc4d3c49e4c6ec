// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/tree_text.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dmkit::dm::dmsetup {
namespace {

// dmsetup takes a terminal of this width for granted where there is none.
constexpr int kTerminalWidth = 80;
// Deeper branches are not drawn.
constexpr size_t kDepthMax = 100;

struct Symbols {
  absl::string_view branch;      // another child follows
  absl::string_view last;        // the last child
  absl::string_view vertical;    // passing by
  absl::string_view only_child;  // compact, on the line of the parent
  absl::string_view first_child;
};

constexpr Symbols kAscii = {"|-", "`-", "| ", "---", "-+-"};
constexpr Symbols kUtf8 = {"\u251c\u2500", "\u2514\u2500", "\u2502 ", "\u2500\u2500\u2500",
                           "\u2500\u252c\u2500"};
constexpr Symbols kVt100 = {"\033(0\017tq\033(B", "\033(0\017mq\033(B", "\033(0\017x\033(B ",
                            "\033(0\017qqq\033(B", "\033(0\017qwq\033(B"};

const Symbols& SymbolsOf(TreeSymbols symbols) {
  switch (symbols) {
    case TreeSymbols::kUtf8:
      return kUtf8;
    case TreeSymbols::kVt100:
      return kVt100;
    case TreeSymbols::kAscii:
      break;
  }
  return kAscii;
}

// Lines that are cut at the edge of the terminal, with "..." in place of what does not fit. A byte
// that continues a UTF-8 character takes no column; one of vt100's sequences does, as in dmsetup.
class Lines {
 public:
  explicit Lines(bool truncate) : truncate_(truncate) {}

  bool at_start() const { return column_ == 0; }
  size_t column() const { return column_; }

  void Put(absl::string_view text) {
    for (const char c : text) PutByte(c);
  }

  void End() {
    if (held_ != '\0' && !cut_) text_.push_back(held_);
    text_.push_back('\n');
    column_ = 0;
    held_ = '\0';
    cut_ = false;
  }

  std::string Take() { return std::move(text_); }

 private:
  static constexpr size_t kLast = kTerminalWidth - 1;

  void PutByte(char c) {
    const bool starts = (static_cast<uint8_t>(c) & 0xc0) != 0x80;
    if (!truncate_) {
      text_.push_back(c);
      if (starts) ++column_;
      return;
    }
    if (starts) ++column_;
    if (column_ <= kLast) {
      if (!cut_) text_.push_back(c);
      return;
    }
    if (!starts || cut_) return;
    // The character in the last column may stay when it is the last one of its line.
    if (held_ == '\0' && (static_cast<uint8_t>(c) & 0x80) == 0) {
      held_ = c;
      --column_;
      return;
    }
    text_.append("...");
    cut_ = true;
  }

  const bool truncate_;
  std::string text_;
  size_t column_ = 0;
  char held_ = '\0';
  bool cut_ = false;
};

class Drawing {
 public:
  Drawing(const DeviceTree& tree, const TreeStyle& style, DeviceNamer namer)
      : tree_(tree),
        style_(style),
        namer_(namer),
        symbols_(SymbolsOf(style.symbols)),
        direction_(style.inverted ? DeviceTree::Direction::kUsers : DeviceTree::Direction::kUsed),
        lines_(style.truncate),
        widths_(kDepthMax, 0),
        more_(kDepthMax, false) {}

  std::string Draw() {
    Children(DeviceTree::kRoot, 0);
    return lines_.Take();
  }

 private:
  bool Attributes() const { return style_.active || style_.rw || style_.open || style_.uuid; }
  bool Compact() const { return style_.compact && !Attributes() && !style_.targets; }

  void Children(size_t node, size_t depth) {
    const absl::Span<const size_t> children = tree_.Next(node, direction_);
    for (size_t i = 0; i < children.size(); ++i) {
      // The root is at both ends.
      const bool has_children = tree_.Count(children[i], direction_) > 0;
      Node(children[i], depth, i + 1 == children.size(), has_children);
      if (has_children) Children(children[i], depth + 1);
    }
  }

  void Node(size_t node, size_t depth, bool is_last, bool has_children) {
    if (depth + 2 > kDepthMax) return;
    const TreeDevice& device = tree_.device(node);
    if (device.info.name.empty() && !style_.device && !style_.blkdevname) return;
    more_[depth] = !is_last;
    widths_[depth] = 0;
    const bool at_start = lines_.at_start();
    if (!Compact() || at_start) Prefix(depth);
    const size_t from = lines_.column();
    if (Compact() && !at_start) {
      lines_.Put(more_[depth] ? symbols_.first_child : symbols_.only_child);
    }
    Describe(device);
    if (Compact()) widths_[depth] = lines_.column() - from;
    if (!Compact() || !has_children) lines_.End();
  }

  void Prefix(size_t depth) {
    for (size_t d = 0; d < depth; ++d) {
      lines_.Put(std::string(widths_[d] + 1, ' '));
      if (d + 1 == depth) {
        lines_.Put(more_[depth] ? symbols_.branch : symbols_.last);
      } else {
        lines_.Put(more_[d + 1] ? symbols_.vertical : "  ");
      }
    }
  }

  void Describe(const TreeDevice& device) {
    lines_.Put(device.info.name);
    if (style_.blkdevname) {
      const std::optional<std::string> name = namer_(device.number);
      if (name.has_value()) lines_.Put(absl::StrCat(" <", *name, ">"));
    }
    if (style_.device) {
      lines_.Put(absl::StrCat(" (", sys::FormatDeviceNumber(device.number), ")"));
    }
    if (device.mapped && Attributes()) DescribeState(device.info);
  }

  void DescribeState(const DeviceInfo& info) {
    std::string text;
    const auto add = [&text](bool wanted, absl::string_view word) {
      if (wanted) absl::StrAppend(&text, text.empty() ? " [" : ", ", word);
    };
    add(style_.active, info.suspended ? "SUSPENDED" : "ACTIVE");
    add(style_.rw, info.read_only ? "RO" : "RW");
    add(style_.open, absl::StrCat(static_cast<uint32_t>(info.open_count)));
    add(style_.uuid, info.uuid);
    lines_.Put(absl::StrCat(text, "]"));
  }

  const DeviceTree& tree_;
  const TreeStyle& style_;
  const DeviceNamer namer_;
  const Symbols& symbols_;
  const DeviceTree::Direction direction_;
  Lines lines_;
  std::vector<size_t> widths_;  // by depth: what the node drawn last takes, in a compact tree
  std::vector<bool> more_;      // by depth: whether a sibling follows that node
};

struct StyleWord {
  absl::string_view word;
  bool TreeStyle::*member;
  bool value;
};

// A shortened word means the first of these that begins with it.
constexpr StyleWord kStyleWords[] = {
    {"device", &TreeStyle::device, true},
    {"blkdevname", &TreeStyle::blkdevname, true},
    {"nodevice", &TreeStyle::device, false},
    {"status", &TreeStyle::targets, true},
    {"table", &TreeStyle::targets, true},
    {"active", &TreeStyle::active, true},
    {"open", &TreeStyle::open, true},
    {"uuid", &TreeStyle::uuid, true},
    {"rw", &TreeStyle::rw, true},
    {"utf", nullptr, false},
    {"vt100", nullptr, false},
    {"ascii", nullptr, false},
    {"inverted", &TreeStyle::inverted, true},
    {"compact", &TreeStyle::compact, true},
    {"notrunc", &TreeStyle::truncate, false},
};

TreeSymbols SymbolsNamed(absl::string_view word) {
  if (word == "utf") return TreeSymbols::kUtf8;
  return word == "vt100" ? TreeSymbols::kVt100 : TreeSymbols::kAscii;
}

const StyleWord* FindStyleWord(absl::string_view word) {
  for (const StyleWord& style_word : kStyleWords) {
    if (absl::StartsWith(style_word.word, word)) return &style_word;
  }
  return nullptr;
}

}  // namespace

std::optional<std::string> ParseTreeStyle(absl::string_view options, TreeStyle* style) {
  absl::string_view rest = options;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const StyleWord* word = FindStyleWord(rest.substr(0, comma));
    if (word == nullptr) return std::string(rest);
    if (word->member != nullptr) {
      style->*word->member = word->value;
    } else {
      style->symbols = SymbolsNamed(word->word);
    }
    if (comma == absl::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return std::nullopt;
}

std::string DrawTree(const DeviceTree& tree, const TreeStyle& style, DeviceNamer namer) {
  return Drawing(tree, style, namer).Draw();
}

}  // namespace dmkit::dm::dmsetup
