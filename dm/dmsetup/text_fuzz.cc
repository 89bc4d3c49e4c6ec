// SPDX-License-Identifier: Apache-2.0
// Words, names and tables of any bytes: nothing may crash, and what is accepted must hold what the
// kernel's side of the room relies on. The input's lines are the words, and its whole the table.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "dm/codec_table.h"
#include "dm/dmsetup/mangling.h"
#include "dm/dmsetup/table_text.h"
#include "dm/dmsetup/words.h"
#include "sys/status.h"

namespace {

using dmkit::dm::dmsetup::kNameBytesMax;
using dmkit::dm::dmsetup::Mangling;

void CheckWords(absl::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(text, '\n');
  const dmkit::dm::dmsetup::ParsedWords parsed = dmkit::dm::dmsetup::ParseWords("dmsetup", words);
  DMKIT_CHECK(parsed.ok || !parsed.errors.empty());
  DMKIT_CHECK(parsed.errors.empty() || parsed.errors.back() == '\n');
  DMKIT_CHECK(!parsed.ok || parsed.words.major.has_value() == parsed.words.minor.has_value());
}

void CheckTable(absl::string_view text) {
  const auto table = dmkit::dm::dmsetup::ParseTable(text, "on stdin");
  if (!table.ok()) {
    DMKIT_CHECK(!table.status().message().empty());
    return;
  }
  DMKIT_CHECK(table->empty() || dmkit::dm::CheckTable(*table).ok());
  DMKIT_CHECK(dmkit::dm::EncodeTable(*table).ok());
}

void CheckName(absl::string_view text) {
  const auto hex = dmkit::dm::dmsetup::Mangle(text, "name", Mangling::kHex, kNameBytesMax);
  if (hex.ok()) {
    DMKIT_CHECK(hex->size() <= kNameBytesMax);
    // Every byte comes back.
    const auto shown = dmkit::dm::dmsetup::Unmangle(*hex, "name", Mangling::kHex);
    DMKIT_CHECK(shown.ok());
    DMKIT_CHECK(*shown == text);
  }
  const auto once = dmkit::dm::dmsetup::Mangle(text, "name", Mangling::kAuto, kNameBytesMax);
  if (!once.ok()) return;
  const auto twice = dmkit::dm::dmsetup::Mangle(*once, "name", Mangling::kAuto, kNameBytesMax);
  DMKIT_CHECK(!twice.ok() || *twice == *once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  CheckWords(text);
  CheckTable(text);
  CheckName(text);
  for (const auto& device : dmkit::dm::dmsetup::ParseConcise(text).devices) {
    CheckTable(device.table);
  }
  return 0;
}
